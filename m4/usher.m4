# SPDX-License-Identifier: MIT
#
# The macros of Usher's configure.ac.

# USH_NEED(VARIABLE, MODULES, DEBIAN-PACKAGE)
# -------------------------------------------
# As PKG_CHECK_MODULES, but what is missing is only noted, for
# USH_REPORT_NEEDS.
AC_DEFUN([USH_NEED], [
PKG_CHECK_MODULES([$1], [$2], [], [
	AS_VAR_APPEND([ush_missing], ["
	$2: install $3"])
])
])

# USH_REPORT_NEEDS
# ----------------
AC_DEFUN([USH_REPORT_NEEDS], [
AS_IF([test -z "$PKG_CONFIG"],
	[ush_missing="
	pkg-config, which finds the others: install pkg-config"])
AS_IF([test -n "$ush_missing"], [
	AC_MSG_ERROR([some libraries are missing (or pkg-config can't find them):
$ush_missing

"./bootstrap" installs all of them on Debian and Ubuntu. Libraries in other
places are found through PKG_CONFIG_PATH.])
])
])

# USH_CHECK_LUAJIT_ALLOCATOR
# --------------------------
# Usher limits the memory of a script by an allocator of its own. A LuaJIT for
# 64 bits takes one only if it was built with GC64, and the header can't tell.
AC_DEFUN([USH_CHECK_LUAJIT_ALLOCATOR], [
AC_CACHE_CHECK([whether LuaJIT takes an allocator of our own],
	[ush_cv_luajit_allocator], [
	ush_save_CFLAGS=$CFLAGS
	ush_save_LIBS=$LIBS
	CFLAGS="$CFLAGS $LUAJIT_CFLAGS"
	LIBS="$LUAJIT_LIBS $LIBS"
	AC_RUN_IFELSE([AC_LANG_PROGRAM([[
#include <stdlib.h>
#include <lua.h>
#include <luajit.h>

static void *
allocate(void *arg, void *old, size_t old_size, size_t size)
{
	(void)arg;
	(void)old_size;
	if (size > 0)
		return realloc(old, size);
	free(old);
	return NULL;
}
]], [[
	lua_State *L = lua_newstate(allocate, NULL);

	if (!L)
		return 1;
	lua_close(L);
]])],
		[ush_cv_luajit_allocator=yes],
		[ush_cv_luajit_allocator=no],
		[ush_cv_luajit_allocator=assumed])
	CFLAGS=$ush_save_CFLAGS
	LIBS=$ush_save_LIBS
])
AS_CASE([$ush_cv_luajit_allocator],
	[no], [AC_MSG_ERROR([this LuaJIT ($($PKG_CONFIG --modversion luajit)) does not work for Usher: a small
program against it does not run, or lua_newstate refuses our allocator, which
means that it was built without GC64. Install libluajit-5.1-dev, or build
LuaJIT 2.1 with XCFLAGS=-DLUAJIT_ENABLE_GC64 and name its folder in
PKG_CONFIG_PATH (and LD_LIBRARY_PATH). config.log has the details.])],
	[assumed], [AC_MSG_NOTICE([cross compiling: can't run a program, so LuaJIT is taken to be
built with GC64; without it, usher_new will fail])])
])

# USH_CHECK_NO_PLT
# ----------------
# Substitutes NO_PLT_CFLAGS: -fno-plt where the compiler has it. A callback
# calls other libraries a hundred times; each call is a jump less.
AC_DEFUN([USH_CHECK_NO_PLT], [
AC_CACHE_CHECK([whether $CC takes -fno-plt], [ush_cv_no_plt], [
	ush_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror -fno-plt"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
		[ush_cv_no_plt=yes], [ush_cv_no_plt=no])
	CFLAGS=$ush_save_CFLAGS
])
NO_PLT_CFLAGS=
AS_IF([test "$ush_cv_no_plt" = yes], [NO_PLT_CFLAGS=-fno-plt])
AC_SUBST([NO_PLT_CFLAGS])
])

# USH_ARG_SANITIZERS
# ------------------
# Substitutes SANITIZER_CFLAGS (compiling and linking) and NO_UNDEFINED: with a
# sanitizer, a shared library may have symbols that only the program brings.
AC_DEFUN([USH_ARG_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
	[AS_HELP_STRING([--enable-sanitizers=LIST],
		[build with these sanitizers: address,undefined or thread])],
	[], [enable_sanitizers=no])
AS_CASE([$enable_sanitizers],
	[no], [ush_sanitizers=],
	[yes], [ush_sanitizers=address,undefined],
	[ush_sanitizers=$enable_sanitizers])
SANITIZER_CFLAGS=
NO_UNDEFINED=-Wl,-z,defs
AS_IF([test -n "$ush_sanitizers"], [
	SANITIZER_CFLAGS="-fsanitize=$ush_sanitizers -fno-omit-frame-pointer"
	AS_CASE([,$ush_sanitizers,], [*,undefined,*],
		[SANITIZER_CFLAGS="$SANITIZER_CFLAGS -fno-sanitize-recover=undefined"])
	NO_UNDEFINED=
	USH_CHECK_LINKS([$SANITIZER_CFLAGS],
		[the compiler can't build with --enable-sanitizers=$ush_sanitizers])
])
AM_CONDITIONAL([SANITIZERS], [test -n "$ush_sanitizers"])
AC_SUBST([SANITIZER_CFLAGS])
AC_SUBST([NO_UNDEFINED])
])

# USH_ARG_FUZZER
# --------------
# Substitutes FUZZER_CFLAGS, for all that is compiled, and FUZZER_LIBS, for the
# programs in tests/fuzz.
AC_DEFUN([USH_ARG_FUZZER], [
AC_ARG_ENABLE([fuzzer],
	[AS_HELP_STRING([--enable-fuzzer],
		[build tests/fuzz with libFuzzer (needs CC=clang)])],
	[], [enable_fuzzer=no])
FUZZER_CFLAGS=
FUZZER_LIBS=
AS_IF([test "$enable_fuzzer" != no], [
	FUZZER_CFLAGS=-fsanitize=fuzzer-no-link
	FUZZER_LIBS=-fsanitize=fuzzer
	USH_CHECK_LINKS([$FUZZER_CFLAGS],
		[--enable-fuzzer needs clang with its libFuzzer: add CC=clang
(Debian packages: clang, libclang-rt-14-dev)])
])
AM_CONDITIONAL([FUZZER], [test "$enable_fuzzer" != no])
AC_SUBST([FUZZER_CFLAGS])
AC_SUBST([FUZZER_LIBS])
])

# USH_ARG_HARDENING
# -----------------
# Substitutes what makes a fault in C harder to use, where the compiler and the
# linker have it: HARDENING_CPPFLAGS, HARDENING_CFLAGS and HARDENING_LDFLAGS for
# everything, PIE_LDFLAGS for programs that are installed. The user's flags come
# behind these; what they say of _FORTIFY_SOURCE or the optimisation is kept.
# Nothing of it with sanitizers or fuzzers, which have their own. No
# -fcf-protection: LuaJIT's code has no marks for it, so that no processor would
# look at ours.
AC_DEFUN([USH_ARG_HARDENING], [
AC_ARG_ENABLE([hardening],
	[AS_HELP_STRING([--disable-hardening],
		[no stack protector, _FORTIFY_SOURCE, PIE, relro])],
	[], [enable_hardening=yes])
HARDENING_CPPFLAGS=
HARDENING_CFLAGS=
HARDENING_LDFLAGS=
PIE_LDFLAGS=
AS_IF([test -n "$ush_sanitizers" || test "$enable_fuzzer" != no],
	[enable_hardening=no])
ush_hardening=
AS_IF([test "$enable_hardening" != no], [
	USH_HARDEN_COMPILE([-fstack-protector-strong])
	USH_HARDEN_COMPILE([-fstack-clash-protection])
	USH_HARDEN_LINK([-Wl,-z,relro])
	USH_HARDEN_LINK([-Wl,-z,now])
	USH_HARDEN_FORTIFY
	USH_HARDEN_PIE
])
AC_SUBST([HARDENING_CPPFLAGS])
AC_SUBST([HARDENING_CFLAGS])
AC_SUBST([HARDENING_LDFLAGS])
AC_SUBST([PIE_LDFLAGS])
AC_SUBST([USHER_HARDENING], [$ush_hardening])
])

# USH_IF_LINKS(CFLAGS, IF-SO)
# ---------------------------
AC_DEFUN([USH_IF_LINKS], [
ush_save_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -Werror $1"
AC_MSG_CHECKING([whether $CC takes $1])
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	[AC_MSG_RESULT([yes])
	CFLAGS=$ush_save_CFLAGS
	$2],
	[AC_MSG_RESULT([no])
	CFLAGS=$ush_save_CFLAGS])
])

# USH_HARDEN_COMPILE(FLAG), USH_HARDEN_LINK(FLAG)
# -----------------------------------------------
AC_DEFUN([USH_HARDEN_COMPILE], [
USH_IF_LINKS([$1], [
	AS_VAR_APPEND([HARDENING_CFLAGS], [" $1"])
	AS_VAR_APPEND([ush_hardening], [" $1"])])
])
AC_DEFUN([USH_HARDEN_LINK], [
USH_IF_LINKS([$1], [
	AS_VAR_APPEND([HARDENING_LDFLAGS], [" $1"])
	AS_VAR_APPEND([ush_hardening], [" $1"])])
])

# USH_HARDEN_FORTIFY
# ------------------
# Only where something is optimised, or it is a warning; and where neither the
# user nor the distribution's compiler has said already what it is to be.
AC_DEFUN([USH_HARDEN_FORTIFY], [
AC_MSG_CHECKING([whether to define _FORTIFY_SOURCE])
AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#if !defined __OPTIMIZE__ || defined _FORTIFY_SOURCE
#error "no"
#endif
]])],
	[ush_fortify=yes], [ush_fortify=no])
AS_CASE([" $CPPFLAGS $CFLAGS"], [*_FORTIFY_SOURCE*], [ush_fortify=no])
AC_MSG_RESULT([$ush_fortify])
AS_IF([test "$ush_fortify" = yes], [
	HARDENING_CPPFLAGS=-D_FORTIFY_SOURCE=2
	AS_VAR_APPEND([ush_hardening], [" $HARDENING_CPPFLAGS"])])
])

# USH_HARDEN_PIE
# --------------
# Most compilers make position-independent programs anyway. Those that are told
# otherwise by the user don't.
AC_DEFUN([USH_HARDEN_PIE], [
AC_MSG_CHECKING([whether $CC makes position-independent programs])
AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
#ifndef __PIE__
#error "no"
#endif
]])],
	[AC_MSG_RESULT([yes])
	AS_VAR_APPEND([ush_hardening], [" -pie"])],
	[AC_MSG_RESULT([no])
	AS_CASE([" $CFLAGS $LDFLAGS "], [*" -no-pie "*|*" -fno-pie "*|*" -fno-PIE "*], [], [
		USH_IF_LINKS([-fPIE -pie], [
			AS_VAR_APPEND([HARDENING_CFLAGS], [" -fPIE"])
			PIE_LDFLAGS=-pie
			AS_VAR_APPEND([ush_hardening], [" -pie"])])])])
])

# USH_ARG_WERROR
# --------------
AC_DEFUN([USH_ARG_WERROR], [
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [make warnings errors])],
	[], [enable_werror=no])
WERROR_CFLAGS=
AS_IF([test "$enable_werror" != no], [WERROR_CFLAGS=-Werror])
AC_SUBST([WERROR_CFLAGS])
])

# USH_CHECK_LINKS(FLAGS, MESSAGE)
# -------------------------------
AC_DEFUN([USH_CHECK_LINKS], [
ush_save_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS $1"
AC_MSG_CHECKING([whether $CC takes $1])
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	[AC_MSG_RESULT([yes])],
	[AC_MSG_RESULT([no])
	AC_MSG_ERROR([$2])])
CFLAGS=$ush_save_CFLAGS
])
