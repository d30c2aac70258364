/* lostbuddy show --map: carries a program out, and draws what it leaves. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "map/map.h"

enum { WIDTH_ELSEWHERE = 80 };

struct drawn {
	const struct map_request *request;
	const struct machine *machine;
	char *text; /* NULL: no memory */
	size_t length;
};

static bool to_terminal(const struct map_request *request)
{
	return !request->svg && strcmp(request->output, "-") == 0 && isatty(STDOUT_FILENO);
}

static unsigned int columns(const struct map_request *request)
{
	struct winsize size;

	if (request->width)
		return request->width;
	if (to_terminal(request) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return WIDTH_ELSEWHERE;
}

static bool draw(struct drawn *d, const struct map *map)
{
	bool colours = to_terminal(d->request) && colour(stdout, COLOUR_GOOD)[0];
	FILE *out = open_memstream(&d->text, &d->length);
	bool drawn = out;

	if (!out)
		return false;
	if (d->request->svg)
		drawn = map_draw(map, out);
	else
		map_print(map, out, columns(d->request), colours);
	return fclose(out) == 0 && drawn;
}

static void look(void *instance, void *data)
{
	struct drawn *d = data;
	size_t size = core_target.export_state(instance, NULL, 0);
	uint64_t *state = malloc(size * sizeof(*state));
	struct map map = { 0 };

	if (state && core_target.export_state(instance, state, size) == size &&
	    map_build(&map, d->machine, state, size) && draw(d, &map)) {
		map_free(&map);
		free(state);
		return;
	}
	map_free(&map);
	free(state);
	free(d->text);
	d->text = NULL;
}

int show_map(const struct map_request *request)
{
	const char *path = request->svg ? request->svg : request->output;
	struct program p;
	struct drawn d = { .request = request, .machine = &p.machine };
	int code = EXIT_USAGE;

	program_init(&p);
	if (may_report_into(path) && read_shown(&p, request->program, &request->machine))
		code = carry_out_and_look(&p, look, &d);
	if (code == EXIT_CLEAN && !d.text)
		code = EXIT_MEMORY;
	if (code == EXIT_CLEAN && !write_output(path, d.text, d.length))
		code = EXIT_USAGE;
	free(d.text);
	program_free(&p);
	return code;
}
