/*
 * fuzz_pages without an engine: its entries keep their promises for any bytes.
 */
#include "test.h"

#include "target/target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
extern uint8_t fuzz_pages_paths[LB_PATH_COUNT * 8];

static unsigned int havocs;

/* The engine's part: here it appends one byte. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	havocs++;
	if (size < max_size)
		data[size++] = 0x0a;
	return size;
}

static void begin(void)
{
	static bool begun;

	if (!begun)
		EXPECT_EQ(LLVMFuzzerInitialize(NULL, NULL), 0);
	begun = true;
}

static size_t encoded(const char *text, uint8_t *bytes, size_t size)
{
	struct text_error error;
	struct program p;

	program_init(&p);
	EXPECT(program_parse(&p, text, strlen(text), &error));
	size_t need = program_encode(&p, bytes, size);

	EXPECT(need > 0 && need <= size);
	program_free(&p);
	return need;
}

TEST(any_bytes_are_an_input)
{
	uint64_t state = 1;

	begin();
	EXPECT_EQ(LLVMFuzzerTestOneInput((const uint8_t *)"", 0), 0);
	for (int i = 0; i < 300; i++) {
		uint8_t bytes[400];

		for (size_t k = 0; k < sizeof(bytes); k++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
			bytes[k] = (uint8_t)(state >> 56);
		}
		EXPECT_EQ(LLVMFuzzerTestOneInput(bytes, (size_t)i), 0);
	}
}

TEST(a_path_that_was_taken_is_fed_back)
{
	uint8_t bytes[4096];
	size_t size =
		encoded("lostbuddy 1\nmachine pages=512\np0 = alloc_pages(order=3, gfp=KERNEL)\n"
			"p1 = alloc_pages(order=15, gfp=KERNEL)\n",
			bytes, sizeof(bytes));
	unsigned int order_failures = 0;

	begin();
	memset(fuzz_pages_paths, 0, sizeof(fuzz_pages_paths));
	EXPECT_EQ(LLVMFuzzerTestOneInput(bytes, size), 0);
	for (unsigned int class = 0; class < 8; class ++)
		order_failures += fuzz_pages_paths[LB_PATH_FAIL_ORDER * 8 + class];
	EXPECT_EQ(order_failures, 1);
	EXPECT_EQ(fuzz_pages_paths[LB_PATH_OOM * 8], 0);
}

TEST(mutation_is_structural_seven_times_in_eight_and_keeps_to_its_room)
{
	uint8_t bytes[512];
	size_t size = encoded("lostbuddy 1\nmachine pages=512\np0 = alloc_pages(order=3, "
			      "gfp=KERNEL)\n__free_pages(p0)\n",
			      bytes, sizeof(bytes));

	begin();
	havocs = 0;
	for (unsigned int seed = 0; seed < 800; seed++) {
		uint8_t data[256];
		size_t length = size < sizeof(data) ? size : sizeof(data);

		memcpy(data, bytes, length);
		size_t room = length + seed % 64 < sizeof(data) ? length + seed % 64 : sizeof(data);

		length = LLVMFuzzerCustomMutator(data, length, room, seed);
		EXPECT(length > 0 && length <= room);
	}
	EXPECT_EQ(havocs, 100);
}

TEST(crossing_gives_a_program_within_the_room)
{
	uint8_t one[512], two[512], out[64];
	size_t size1 = encoded("lostbuddy 1\nmachine pages=512\np0 = alloc_page(gfp=KERNEL)\n", one,
			       sizeof(one));
	size_t size2 = encoded("lostbuddy 1\nmachine pages=512\ndrain_all_pages()\ncheck()\n", two,
			       sizeof(two));

	begin();
	for (unsigned int seed = 0; seed < 100; seed++) {
		size_t length =
			LLVMFuzzerCustomCrossOver(one, size1, two, size2, out, sizeof(out), seed);

		EXPECT(length <= sizeof(out));
		EXPECT_EQ(LLVMFuzzerTestOneInput(out, length), 0);
	}
}

TEST_MAIN
