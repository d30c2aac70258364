# lb_room(name sources... [DEPENDS rooms...] [LIBS libraries...] [SEES_CORE sources...])
#	The static library lb_NAME. DEPENDS: the rooms it uses (with or without lb_). LIBS: other libraries.
#	SEES_CORE: sources (named here only) that include the core's public face; allowed to the core's adapter in
#	diff/target and to bench. diff/target/core.c is one without being named so.
#
# lb_executable(name sources... [LIBS ...])	an executable, in bin/ of the build directory
# lb_test(name sources... [LIBS ...])		an executable from testing/test.h, run by ctest
# lb_fuzzer(name sources... [LIBS ...])		a target of libFuzzer or AFL++; nothing unless LOSTBUDDY_LIBFUZZER or
#						LOSTBUDDY_AFL
#
# What the compiler finds depends on where the calling CMakeLists.txt stands:
#
#	core/**                core/include, core
#	diff/**                diff
#	fuzz/** and bench/**   diff, fuzz, the top (for bench/bench.h)
#	all tests              testing besides

# The rooms of this project: where one of these names is a dependency, lb_ may be left out.
set(LB_ROOMS core program names oracle target judge shrink mutate campaign enumerate map trace cli bench)

function(lb_room_names out)
	set(names)
	foreach(name IN LISTS ARGN)
		if(name IN_LIST LB_ROOMS)
			set(name lb_${name})
		endif()
		list(APPEND names ${name})
	endforeach()
	set(${out} ${names} PARENT_SCOPE)
endfunction()

# Where the calling CMakeLists.txt stands: core, diff, diff/target, fuzz, bench or testing.
function(lb_place out)
	file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
	string(REGEX MATCH "^(diff/target|[a-z]+)" place ${path})
	set(${out} ${place} PARENT_SCOPE)
endfunction()

function(lb_set_up target)
	lb_place(place)
	set(top ${PROJECT_SOURCE_DIR})

	if(place STREQUAL "core")
		target_include_directories(${target} PRIVATE ${top}/core/include ${top}/core)
	elseif(place MATCHES "^diff")
		target_include_directories(${target} PRIVATE ${top}/diff)
	else()
		target_include_directories(${target} PRIVATE ${top}/diff ${top}/fuzz ${top})
	endif()

	target_link_libraries(${target} PRIVATE lb_flags lb_sanitizers)
	if(place STREQUAL "core")	# tests too: what headers define is compiled there as well
		target_link_libraries(${target} PRIVATE lb_coverage)
	endif()
	if(NOT target STREQUAL "lb_oracle")
		target_link_libraries(${target} PRIVATE lb_edges)
	endif()
endfunction()

function(lb_room name)
	cmake_parse_arguments(ROOM "" "" "DEPENDS;LIBS;SEES_CORE" ${ARGN})
	string(REGEX REPLACE "^lb_" "" name ${name})
	lb_place(place)

	set(adapters ${ROOM_SEES_CORE})
	if(place STREQUAL "diff/target")
		if("core.c" IN_LIST ROOM_UNPARSED_ARGUMENTS)
			list(APPEND adapters core.c)
			list(REMOVE_ITEM ROOM_UNPARSED_ARGUMENTS core.c)
		endif()
	elseif(adapters AND NOT place STREQUAL "bench")
		message(FATAL_ERROR "lb_${name}: only diff/target and bench may see the core (${adapters})")
	endif()

	add_library(lb_${name} STATIC ${ROOM_UNPARSED_ARGUMENTS} ${adapters})
	lb_set_up(lb_${name})
	if(adapters)
		set_source_files_properties(${adapters} PROPERTIES INCLUDE_DIRECTORIES
			"${PROJECT_SOURCE_DIR}/core/include")
	endif()
	lb_room_names(depends ${ROOM_DEPENDS})
	target_link_libraries(lb_${name} PUBLIC ${depends} ${ROOM_LIBS})
endfunction()

function(lb_executable name)
	cmake_parse_arguments(PROGRAM "" "" "LIBS" ${ARGN})
	lb_room_names(libs ${PROGRAM_LIBS})
	add_executable(${name} ${PROGRAM_UNPARSED_ARGUMENTS})
	lb_set_up(${name})
	target_link_libraries(${name} PRIVATE ${libs})
endfunction()

function(lb_test name)
	lb_executable(${name} ${ARGN})
	target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/testing)
	add_test(NAME ${name} COMMAND ${name})
	# The source tree is the working directory: tests find corpus/ and the like by short names.
	set_tests_properties(${name} PROPERTIES TIMEOUT 300 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()

function(lb_fuzzer name)
	if(NOT LOSTBUDDY_LIBFUZZER AND NOT LOSTBUDDY_AFL)
		return()
	endif()
	lb_executable(${name} ${ARGN})
	if(LOSTBUDDY_AFL)
		target_link_libraries(${name} PRIVATE ${LOSTBUDDY_AFL_DRIVER} ${LOSTBUDDY_AFL_RUNTIME})
	else()
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	endif()
endfunction()
