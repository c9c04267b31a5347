# SPDX-License-Identifier: MIT

libusher_internal_la_SOURCES += src/lib/crypto.c
libusher_internal_la_SOURCES += src/lib/crypto.h
