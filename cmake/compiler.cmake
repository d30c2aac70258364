# Which compiler, where nobody has said so (CC, -DCMAKE_C_COMPILER): clang-19 for builds that prefer or need it,
# else the system's C compiler.
#
#   LOSTBUDDY_PREFER_CLANG   take clang-19 if it is there (presets asan, libfuzzer, afl, msan, tsan)

option(LOSTBUDDY_PREFER_CLANG "Use clang-19 where it is installed and no compiler was named" OFF)

if(LOSTBUDDY_PREFER_CLANG AND NOT DEFINED CMAKE_C_COMPILER AND NOT DEFINED ENV{CC})
	find_program(LOSTBUDDY_CLANG NAMES clang-19 NO_CACHE)
	if(LOSTBUDDY_CLANG)
		set(CMAKE_C_COMPILER ${LOSTBUDDY_CLANG})
	endif()
endif()
