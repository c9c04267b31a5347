# SPDX-License-Identifier: MIT

libusher_internal_la_SOURCES += src/base/buffer.c
libusher_internal_la_SOURCES += src/base/buffer.h
libusher_internal_la_SOURCES += src/base/clock.c
libusher_internal_la_SOURCES += src/base/clock.h
libusher_internal_la_SOURCES += src/base/error.c
libusher_internal_la_SOURCES += src/base/error.h
libusher_internal_la_SOURCES += src/base/json.c
libusher_internal_la_SOURCES += src/base/json.h
libusher_internal_la_SOURCES += src/base/log.c
libusher_internal_la_SOURCES += src/base/log.h
libusher_internal_la_SOURCES += src/base/near.c
libusher_internal_la_SOURCES += src/base/near.h
libusher_internal_la_SOURCES += src/base/utf8.c
libusher_internal_la_SOURCES += src/base/utf8.h
