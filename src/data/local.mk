# SPDX-License-Identifier: MIT

libusher_internal_la_SOURCES += src/data/cbor.c
libusher_internal_la_SOURCES += src/data/cbor.h
libusher_internal_la_SOURCES += src/data/cbor_read.c
libusher_internal_la_SOURCES += src/data/envelope.c
libusher_internal_la_SOURCES += src/data/envelope.h
libusher_internal_la_SOURCES += src/data/stats.c
libusher_internal_la_SOURCES += src/data/stats.def
libusher_internal_la_SOURCES += src/data/stats.h
