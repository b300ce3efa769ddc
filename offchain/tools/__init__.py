"""Developer tools: code generators, native build, contract lock."""
