# SPDX-License-Identifier: MIT

libusher_internal_la_SOURCES += src/policy/answer.c
libusher_internal_la_SOURCES += src/policy/answer.h
libusher_internal_la_SOURCES += src/policy/engine.c
libusher_internal_la_SOURCES += src/policy/engine.h
libusher_internal_la_SOURCES += src/policy/generation.c
libusher_internal_la_SOURCES += src/policy/generation.h
libusher_internal_la_SOURCES += src/policy/inputs.c
libusher_internal_la_SOURCES += src/policy/inputs.h
libusher_internal_la_SOURCES += src/policy/pool.c
libusher_internal_la_SOURCES += src/policy/pool.h
libusher_internal_la_SOURCES += src/policy/slots.c
libusher_internal_la_SOURCES += src/policy/slots.h
libusher_internal_la_SOURCES += src/policy/state.c
libusher_internal_la_SOURCES += src/policy/state.h
