/* The seccomp compiler: a request on stdin (wire.h) becomes a BPF program on
 * stdout, through libseccomp. It is a process of its own so that the runtime is
 * free of cgo and of libseccomp's memory, and it is only started when no compiled
 * program is cached. It validates the request's shape, never its policy, and
 * formats no text: a failure is a record, and Go writes the sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

#define MAX_ARGS 6

/* The newest interface of libseccomp 2.5. Naming it keeps the library from asking
 * the kernel what it can do, so that the program depends on the request alone. */
#define API_LEVEL 6

struct request {
	const struct wire_header *header;
	const struct wire_arch *archs;
	const struct wire_rule *rules;
	const struct wire_arg *args;
	const char *names;
};

static void write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(2);
		at += n;
		size -= (size_t)n;
	}
}

static _Noreturn void fail(enum wire_stage stage, uint32_t index, int error)
{
	struct wire_failure failure = {
		.stage = stage, .index = index, .error = (uint32_t)(error < 0 ? -error : error)};

	write_all(STDERR_FILENO, &failure, sizeof(failure));
	_exit(1);
}

/* take moves *at past count records of the given size and returns where they
 * began. The counts are 32 bits wide, so 64 bits can't overflow. */
static const void *take(const char *base, uint64_t size, uint64_t *at, uint32_t count, size_t record)
{
	const void *start = base + *at;

	*at += (uint64_t)count * record;
	if (*at > size)
		fail(WIRE_STAGE_REQUEST, 0, EMSGSIZE);
	return start;
}

static struct request read_request(void)
{
	struct request r;
	struct stat st;
	uint64_t size, at = 0;
	const char *base;

	if (fstat(STDIN_FILENO, &st) < 0)
		fail(WIRE_STAGE_REQUEST, 0, errno);
	size = (uint64_t)st.st_size;
	if (size < sizeof(*r.header))
		fail(WIRE_STAGE_REQUEST, 0, EMSGSIZE);
	base = mmap(NULL, size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
	if (base == MAP_FAILED)
		fail(WIRE_STAGE_REQUEST, 0, errno);

	r.header = take(base, size, &at, 1, sizeof(*r.header));
	if (r.header->magic != WIRE_MAGIC || r.header->version != WIRE_VERSION)
		fail(WIRE_STAGE_REQUEST, 0, EPROTO);
	r.args = take(base, size, &at, r.header->args, sizeof(*r.args));
	r.archs = take(base, size, &at, r.header->archs, sizeof(*r.archs));
	r.rules = take(base, size, &at, r.header->rules, sizeof(*r.rules));
	r.names = take(base, size, &at, r.header->names, 1);
	if (at != size || r.header->archs == 0)
		fail(WIRE_STAGE_REQUEST, 0, EMSGSIZE);
	if (r.header->names > 0 && r.names[r.header->names - 1] != '\0')
		fail(WIRE_STAGE_REQUEST, 0, EBADMSG);
	return r;
}

static void add_archs(scmp_filter_ctx filter, const struct request *r)
{
	for (uint32_t i = 0; i < r->header->archs; i++) {
		int rc = seccomp_arch_add(filter, r->archs[i].token);

		if (rc < 0 && rc != -EEXIST)
			fail(WIRE_STAGE_ARCH, i, rc);
	}
}

static void add_rule(scmp_filter_ctx filter, const struct request *r, uint32_t i)
{
	const struct wire_rule *rule = &r->rules[i];
	struct scmp_arg_cmp compare[MAX_ARGS];
	int rc, number;

	if (rule->args > MAX_ARGS || rule->args > r->header->args ||
	    rule->first_arg > r->header->args - rule->args)
		fail(WIRE_STAGE_REQUEST, i, ERANGE);
	number = seccomp_syscall_resolve_name(r->names + rule->name);
	/* A name that libseccomp doesn't know on any architecture is newer than it,
	 * or of a kernel that isn't this one: there is nothing to match. */
	if (number == __NR_SCMP_ERROR)
		return;
	for (uint32_t j = 0; j < rule->args; j++) {
		const struct wire_arg *arg = &r->args[rule->first_arg + j];

		compare[j] = (struct scmp_arg_cmp){arg->index, (enum scmp_compare)arg->op, arg->a, arg->b};
	}
	rc = seccomp_rule_add_array(filter, rule->action, number, rule->args, compare);
	/* The same rule twice is one rule. */
	if (rc < 0 && rc != -EEXIST)
		fail(WIRE_STAGE_RULE, i, rc);
}

static int32_t highest(const struct request *r, const struct wire_arch *arch)
{
	int32_t max = -1;

	for (uint32_t i = 0; i < r->header->rules; i++) {
		int number = seccomp_syscall_resolve_name_arch(arch->token, r->names + r->rules[i].name);

		/* Negative: not of this architecture. */
		if (number > max && (uint32_t)number < arch->limit)
			max = number;
	}
	return max;
}

/* write_version answers "compiler -v" with the version of libseccomp in it. */
static int write_version(void)
{
	const struct scmp_version *v = seccomp_version();
	uint32_t version[3] = {v->major, v->minor, v->micro};

	write_all(STDOUT_FILENO, version, sizeof(version));
	return 0;
}

int main(int argc, char **argv)
{
	struct request r;
	scmp_filter_ctx filter;
	int rc;

	if (argc > 1 && strcmp(argv[1], "-v") == 0)
		return write_version();

	r = read_request();
	/* An older library knows fewer levels and then refuses what it lacks. */
	for (unsigned int level = API_LEVEL; level > 0 && seccomp_api_set(level) < 0; level--)
		;
	filter = seccomp_init(r.header->default_action);
	if (!filter)
		fail(WIRE_STAGE_INIT, 0, EINVAL);
	rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, r.header->optimize);
	if (rc < 0)
		fail(WIRE_STAGE_INIT, 0, rc);
	add_archs(filter, &r);
	for (uint32_t i = 0; i < r.header->rules; i++) {
		if (r.rules[i].name >= r.header->names)
			fail(WIRE_STAGE_REQUEST, i, ERANGE);
		if (r.rules[i].action != WIRE_KNOWN)
			add_rule(filter, &r, i);
	}

	for (uint32_t i = 0; i < r.header->archs; i++) {
		int32_t max = highest(&r, &r.archs[i]);

		write_all(STDOUT_FILENO, &max, sizeof(max));
	}
	rc = seccomp_export_bpf(filter, STDOUT_FILENO);
	if (rc < 0)
		fail(WIRE_STAGE_EXPORT, 0, rc);
	return 0;
}
