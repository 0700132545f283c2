/* intrude SECONDS [gains] looks for processes that enter its pid namespace and tries to
 * access them before they execute a program of the image: by ptrace(2), by their memory
 * and by their descriptors (CVE-2016-9962). With CAP_SYS_PTRACE it succeeds; "gains"
 * checks what it would gain: capabilities beyond its own bounding set, no seccomp
 * filter, descriptors of the host. It prints "waiting" first. After SECONDS it prints
 * "nobody got caught", or what it has found. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The executable of the runtime's child is an unlinked file; the image has no such file. */
static int is_runtime(const char *pid)
{
	char path[300], exe[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return 0;
	exe[n] = 0;
	return strstr(exe, "memfd:") != NULL;
}

static int seen;

static void caught(const char *pid, const char *how)
{
	printf("caught %s: %s\n", pid, how);
	fflush(stdout);
	exit(1);
}

static void attach(const char *pid)
{
	int n = atoi(pid), status;

	if (ptrace(PTRACE_SEIZE, n, 0, 0) < 0)
		return;
	ptrace(PTRACE_INTERRUPT, n, 0, 0);
	if (waitpid(n, &status, __WALL) == n && is_runtime(pid))
		caught(pid, "ptrace");
	ptrace(PTRACE_DETACH, n, 0, 0);
}

static void look(const char *pid)
{
	char path[300];
	int fd;

	if (is_runtime(pid))
		caught(pid, "exe");
	for (int i = 3; i < 20; i++) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%d", pid, i);
		fd = open(path, O_PATH | O_CLOEXEC);
		if (fd >= 0 && is_runtime(pid))
			caught(pid, path);
		if (fd >= 0)
			close(fd);
	}
	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && is_runtime(pid))
		caught(pid, "mem");
	if (fd >= 0)
		close(fd);
	attach(pid);
}

/* field returns a number in base from /proc/PID/status; without one, otherwise. */
static unsigned long long field(const char *pid, const char *name, int base, unsigned long long otherwise)
{
	char path[300], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name))) {
			otherwise = strtoull(line + strlen(name), NULL, base);
			break;
		}
	if (f)
		fclose(f);
	return otherwise;
}

static void gains(const char *pid)
{
	unsigned long long own = field("self", "CapBnd:", 16, 0);
	unsigned long long theirs = field(pid, "CapPrm:", 16, 0) | field(pid, "CapEff:", 16, 0);
	const unsigned long long gone = ~0ULL;
	unsigned long long filter = field(pid, "Seccomp:", 10, gone);
	char path[300], target[512];

	/* Checked after the fields were read: if it is still the runtime's, they were, too. */
	if (filter == gone || !is_runtime(pid))
		return;
	seen++;
	if (theirs & ~own)
		caught(pid, "capabilities");
	if (filter != field("self", "Seccomp:", 10, 0))
		caught(pid, "no filter");
	for (int i = 0; i < 40; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%s/fd/%d", pid, i);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (strncmp(target, "socket:", 7) && strncmp(target, "pipe:", 5) &&
		    strncmp(target, "/dev/", 5) && (i > 2 || strncmp(target, "/", 1)))
			caught(pid, target);
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);
	int self = getpid();

	puts("waiting");
	fflush(stdout);
	while (time(NULL) < end) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc && (entry = readdir(proc)))
			if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != self)
				argc > 2 ? gains(entry->d_name) : look(entry->d_name);
		if (proc)
			closedir(proc);
	}
	if (argc > 2)
		fprintf(stderr, "%d\n", seen);
	puts("nobody got caught");
	return 0;
}
