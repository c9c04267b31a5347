# SPDX-License-Identifier: MIT

libusher_internal_la_SOURCES += src/lib/builtin.c
libusher_internal_la_SOURCES += src/lib/builtin.h
libusher_internal_la_SOURCES += src/lib/crypto.c
libusher_internal_la_SOURCES += src/lib/crypto.h
libusher_internal_la_SOURCES += src/lib/host.c
libusher_internal_la_SOURCES += src/lib/host.h
libusher_internal_la_SOURCES += src/lib/lib_data.c
libusher_internal_la_SOURCES += src/lib/lib_ip.c
libusher_internal_la_SOURCES += src/lib/lib_store.c
libusher_internal_la_SOURCES += src/lib/lib_usher.c
