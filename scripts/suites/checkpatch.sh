# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# checkpatch as the suites run it. Source it where $tree is the composed tree.

# The system's Python has the modules that checkpatch wants; another first in
# PATH may not.
# shellcheck disable=SC2154 # $tree comes from those who source this
checkpatch() {
	PATH=/usr/bin:$PATH "$tree/scripts/checkpatch.pl" --strict --terse --quiet --show-types --no-summary "$@"
}

# What is advice for kernel code only, or unknown to it: device registers are
# volatile in user space, BIT() is not there, C11 has keywords with capitals; and
# the shim defines what checkpatch wants used.
user_space=BIT_MACRO,VOLATILE,CAMELCASE,EMBEDDED_FUNCTION_NAME,COMPLEX_MACRO
user_space+=,PREFER_DEFINED_ATTRIBUTE_MACRO,NEW_TYPEDEFS,SINGLE_STATEMENT_DO_WHILE_MACRO
user_space+=,MACRO_ARG_REUSE
