# SPDX-License-Identifier: MIT
#
# What tests of the store share.

tests_libhelpers_a_SOURCES += tests/store/store.c
tests_libhelpers_a_SOURCES += tests/store/store.h
