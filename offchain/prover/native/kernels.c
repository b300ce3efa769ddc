/* The kernels of the prover as one translation unit; the exported functions are in the headers.
 *
 * Built once per level; see offchain/prover/native_build.py. Arrays are C-contiguous, elements
 * canonical. The functions keep no state, so threads may call them at once. Sizes are checked by
 * the caller, offchain/prover/kernels.py.
 */
#include "cpu_level.h"
#include "vec.h"
#include "field_ext.h"
#include "ntt.h"
#include "poly.h"
#include "inverse.h"
#include "fri.h"
#include "chacha20.h"
#include "hash.h"
#include "polynomials.h"
