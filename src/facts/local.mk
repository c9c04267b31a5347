# SPDX-License-Identifier: MIT

libusher_internal_la_SOURCES += src/facts/facts.c
libusher_internal_la_SOURCES += src/facts/facts.def
libusher_internal_la_SOURCES += src/facts/facts.h
libusher_internal_la_SOURCES += src/facts/objects.c
libusher_internal_la_SOURCES += src/facts/objects.h
libusher_internal_la_SOURCES += src/facts/push.c
libusher_internal_la_SOURCES += src/facts/push.h
