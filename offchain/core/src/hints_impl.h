/* Where hints come from: the tape, or (native only) the index. Each is verified by its user. */
#ifndef HEADRACE_HINTS_IMPL_H
#define HEADRACE_HINTS_IMPL_H

#include "state_impl.h"

#ifdef HR_GUEST
#define HR_HINT(c, from_index) hr_hint_from_tape(c)
#define HR_INDEX(statement)
#else
#include "../native/index.h"
#define HR_HINT(c, from_index)                                                                     \
    ((c)->hints.tape ? hr_hint_from_tape(c) : hr_hint_record((c), (from_index)))
#define HR_INDEX(statement) statement
#endif

#endif
