/* intrude SECONDS: looks for processes that enter its pid namespace and tries to
 * get hold of them before they have become a program of the image: by ptrace(2),
 * by their memory and by their descriptors (CVE-2016-9962). Says "waiting" first
 * and, after SECONDS, "nobody got caught"; or what was caught. */
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

/* The runtime's child is an unlinked file in memory; the image has none. */
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
			if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != self &&
			    atoi(entry->d_name) != 1)
				look(entry->d_name);
		if (proc)
			closedir(proc);
	}
	puts("nobody got caught");
	return 0;
}
