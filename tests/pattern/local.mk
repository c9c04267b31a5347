# SPDX-License-Identifier: MIT
#
# Our pattern functions beside LuaJIT's own.

tests_libhelpers_a_SOURCES += tests/pattern/compare.c
tests_libhelpers_a_SOURCES += tests/pattern/compare.h
