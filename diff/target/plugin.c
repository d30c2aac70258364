/*
 * Finds targets by name: the built-in core, the broken family, and shared objects.
 *
 * A shared object is opened with RTLD_LOCAL: neither do its symbols reach ours nor, since the
 * program exports none, ours reach it. Its constructors run in our process: there is no way to read
 * its table without. Everything that it does as a target runs in a worker unless it says that it
 * may be trusted.
 */
#include "target/builtin.h"
#include "target/broken/broken.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SYMBOL "lostbuddy_target"
#define BIT(op) (UINT64_C(1) << (op))

static const uint64_t allocating = BIT(OP_ALLOC_PAGES) | BIT(OP_ALLOC_PAGE) |
				   BIT(OP_GET_FREE_PAGES) | BIT(OP_GET_FREE_PAGE) |
				   BIT(OP_GET_ZEROED_PAGE);
static const uint64_t freeing = BIT(OP_FREE_PAGES_STRUCT) | BIT(OP_FREE_PAGES);
static const uint64_t bulk = BIT(OP_ALLOC_PAGES_BULK) | BIT(OP_ALLOC_PAGES_BULK_LIST);

/* The first thing that a table lacks, as the rest of a sentence; NULL if it is complete. */
static const char *what_is_missing(const struct lb_target *target)
{
	if (!target->name)
		return "its target has no name";
	if (!target->create)
		return "its target has no function create";
	if (!target->destroy)
		return "its target has no function destroy";
	if (!target->exec)
		return "its target has no function exec";
	if (!(target->capabilities & allocating))
		return "its target has no capability to allocate (none of alloc_pages, alloc_page, "
		       "__get_free_pages, get_free_page, get_zeroed_page)";
	if (!(target->capabilities & freeing))
		return "its target has no capability to free (neither __free_pages nor free_pages)";
	if (target->capabilities >> OP_COUNT)
		return "its target has a capability for an operation that does not exist";
	if (target->capabilities & bulk && !target->results)
		return "its target has a bulk operation, and no function results to say what came";
	return NULL;
}

static const struct lb_target *accept_target(const struct lb_target *target, const char *path,
					     char *error)
{
	assert(target && path && error);
	if (target->abi != LB_TARGET_ABI) {
		snprintf(error, TARGET_ERROR_SIZE,
			 "%.120s: its target has ABI version %u, lostbuddy has version %u", path,
			 (unsigned int)target->abi, (unsigned int)LB_TARGET_ABI);
		return NULL;
	}

	const char *missing = what_is_missing(target);

	if (missing) {
		snprintf(error, TARGET_ERROR_SIZE, "%.80s: %s", path, missing);
		return NULL;
	}
	return target;
}

static const struct lb_target *open_shared_object(const char *name, char *error)
{
	char path[4096];

	/*
	 * A bare name would be looked for in the system's library folders, not where the user
	 * stands.
	 */
	if ((size_t)snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "./", name) >=
	    sizeof(path)) {
		snprintf(error, TARGET_ERROR_SIZE, "the path of the plug-in is too long");
		return NULL;
	}
	if (access(path, R_OK) != 0) {
		snprintf(error, TARGET_ERROR_SIZE, "%.120s: no such file, or not readable", path);
		return NULL;
	}

	void *object = dlopen(path, RTLD_LOCAL | RTLD_NOW);

	if (!object) {
		const char *why = dlerror();

		snprintf(error, TARGET_ERROR_SIZE,
			 "%.80s: not a shared object that can be loaded: %.120s", path,
			 why ? why : "no reason given");
		return NULL;
	}

	const struct lb_target *target = dlsym(object, SYMBOL);

	if (!target) {
		snprintf(error, TARGET_ERROR_SIZE, "%.120s: no symbol " SYMBOL " (is it exported?)",
			 path);
		dlclose(object);
		return NULL;
	}

	const struct lb_target *accepted = accept_target(target, path, error);

	if (!accepted)
		dlclose(object);
	return accepted;
}

static bool looks_like_a_file(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') || (length > 3 && strcmp(name + length - 3, ".so") == 0);
}

const struct lb_target *target_find(const char *name, char error[TARGET_ERROR_SIZE])
{
	assert(name && error);
	error[0] = '\0';
	if (strcmp(name, "core") == 0)
		return &core_target;
	if (strncmp(name, "broken:", 7) == 0) {
		const struct lb_target *broken = broken_find(name + 7);

		if (!broken)
			snprintf(error, TARGET_ERROR_SIZE, "%.100s: no such broken allocator",
				 name);
		return broken;
	}
	if (looks_like_a_file(name))
		return open_shared_object(name, error);
	snprintf(error, TARGET_ERROR_SIZE,
		 "%.100s: no such target (core, broken:NAME, or the path of a shared object such "
		 "as ./mine.so)",
		 name);
	return NULL;
}
