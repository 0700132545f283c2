/* decode -: reads plans from stdin, each after its length in eight bytes, and
 * answers one byte: 1 if the child's decoder accepts it, else 0.
 *
 * decode SECONDS PLAN…: changes the encoded plans at random, passes each to the
 * child's decoder, and reads everything that an accepted plan refers to. It is
 * compiled with the address and undefined behaviour sanitizers, which end it with
 * a report. The seed of the random numbers is RUNNEL_FUZZ_SEED, or 1. */
#include "../../nsenter/child/plan.h"
#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct seed {
	unsigned char *data;
	size_t size;
};

#define MAX_SEEDS 256
static struct seed seeds[MAX_SEEDS];
static size_t seed_count;
static uint64_t state = 1;
static volatile unsigned sink;

#define OP_SHAPE(name, shape, run) [OP_##name] = shape,
static const char shapes[OP_END][MAX_REFS + 1] = {OPS(OP_SHAPE)};

static uint64_t next(void) /* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static size_t below(size_t n) { return n ? (size_t)(next() % n) : 0; }

static void load(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct seed *s = &seeds[seed_count];

	if (!f || fseek(f, 0, SEEK_END))
		err(1, "%s", path);
	s->size = (size_t)ftell(f);
	rewind(f);
	s->data = malloc(s->size);
	if (!s->data || fread(s->data, 1, s->size, f) != s->size)
		err(1, "%s", path);
	fclose(f);
	seed_count++;
}

static uint64_t interesting(size_t size)
{
	const uint64_t numbers[] = {
		0,      1,         7,    8,        16,         24,         40,         47,
		48,     56,        64,   128,      0x7fffffff, 0xfffffff8, 0xffffffff, 0x100000000ULL,
		~0ULL,  ~7ULL,     size, size - 1, size - 7,   size - 8,   size + 8,   size & ~7UL,
		OP_END, OP_END - 1};

	if (below(3) == 0)
		return next() % (size + 16);
	return numbers[below(sizeof(numbers) / sizeof(*numbers))];
}

static void put(unsigned char *b, size_t size, size_t at, size_t width, uint64_t n)
{
	if (at + width <= size)
		memcpy(b + at, &n, width);
}

static size_t op_at(size_t size)
{
	size_t count = size > sizeof(struct plan_header)
			       ? (size - sizeof(struct plan_header)) / sizeof(struct op)
			       : 0;

	return sizeof(struct plan_header) + sizeof(struct op) * below(count ? count : 1);
}

static void mutate(unsigned char *b, size_t size)
{
	for (size_t n = 1 + below(6); n > 0; n--) {
		size_t op = op_at(size);

		switch (below(7)) {
		case 0:
			b[below(size)] ^= (unsigned char)(1U << below(8));
			break;
		case 1:
			put(b, size, below(size), 1U << below(4), interesting(size));
			break;
		case 2: /* a reference of an op, or the size of data */
			put(b, size, op + offsetof(struct op, refs) + 4 * below(MAX_REFS), 4,
			    interesting(size));
			break;
		case 3: /* a number */
			put(b, size, op + offsetof(struct op, refs) + 8 * below(6), 8, interesting(size));
			break;
		case 4: /* another kind of op with these fields */
			put(b, size, op, 2, next() % (OP_END + 2));
			break;
		case 5: /* an entry of a vector, wherever there may be one */
			put(b, size, below(size) & ~7UL, 8, interesting(size));
			break;
		default: /* the header's counts */
			put(b, size, 16 + 4 * below(6), 4, interesting(size));
		}
	}
}

static void read_string(const char *s) { sink += (unsigned)strlen(s); }

static void read_data(struct data d)
{
	const unsigned char *bytes = data_of(d);

	for (uint32_t i = 0; i < d.size; i++)
		sink += bytes[i];
}

/* read_all reads everything that the ops of an accepted plan can read. */
static void read_all(void)
{
	for (uint32_t i = 0; i < plan.header->op_count; i++) {
		const struct op *op = &plan.ops[i];
		const uint32_t *ref = op->refs;

		sink += (unsigned)op_file(op);
		for (const char *shape = shapes[op->kind]; *shape; shape++)
			switch (*shape) {
			case 's':
				read_string(str_of((struct str){*ref++}));
				break;
			case 'v':
				for (char **v = vec_of((struct vec){*ref++}); *v; v++)
					read_string(*v);
				break;
			default:
				read_data((struct data){ref[0], ref[1]});
				ref += 2;
			}
	}
}

/* check returns 1 if the decoder accepts a plan, having read all of it. */
static int check(unsigned char *b, size_t size)
{
	if (plan_load((char *)b, size))
		return 0;
	read_all();
	return 1;
}

static int answer(void)
{
	uint64_t size;

	while (fread(&size, sizeof(size), 1, stdin) == 1) {
		unsigned char *b = malloc(size);

		if (!b || fread(b, 1, size, stdin) != size)
			errx(1, "a plan of %llu bytes is truncated", (unsigned long long)size);
		putchar(check(b, size));
		fflush(stdout);
		free(b);
	}
	return 0;
}

/* try returns 1 if the decoder accepts the changed plan. */
static int try(void)
{
	struct seed *s = &seeds[below(seed_count)];
	size_t size = below(8) ? s->size : 1 + below(s->size);
	unsigned char *b = malloc(size); /* of the exact size, so that the sanitizer detects an overrun */
	int good;

	if (!b)
		err(1, "memory");
	memcpy(b, s->data, size);
	mutate(b, size);
	if (below(16)) { /* otherwise the first checks would reject nearly every plan */
		put(b, size, 0, 8, PLAN_MAGIC);
		put(b, size, 8, 8, size);
		b[size - 1] = 0;
	}
	good = check(b, size);
	free(b);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t tries = 0, good = 0;
	time_t end;

	if (argc == 2 && !strcmp(argv[1], "-"))
		return answer();
	if (argc < 3)
		errx(2, "usage: decode - | decode SECONDS PLAN...");
	if (getenv("RUNNEL_FUZZ_SEED"))
		state = strtoull(getenv("RUNNEL_FUZZ_SEED"), 0, 10) | 1;
	for (int i = 2; i < argc && seed_count < MAX_SEEDS; i++)
		load(argv[i]);
	end = time(0) + atoi(argv[1]);
	do
		for (int i = 0; i < 1000; i++, tries++)
			good += (uint64_t)try();
	while (time(0) < end);
	printf("%llu plans of %zu, %llu of them valid\n", (unsigned long long)tries, seed_count,
	       (unsigned long long)good);
	if (good == 0 || good == tries)
		errx(1, "nothing was tested: none or all of them passed");
	return 0;
}
