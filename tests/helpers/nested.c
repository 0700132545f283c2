/* nested mounts a new procfs and a new sysfs in namespaces of its own, which need no
 * privilege of the container. It prints the error of the kernel, which allows that only
 * where another procfs or sysfs is visible in whole, or what it could do: whether a file
 * that tells the host's kernel which program to run opens for writing. It writes nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static void try_mount(const char *type, const char *target, const char *file)
{
	char path[200];

	if (mount(type, target, type, 0, NULL) < 0) {
		printf("%s: %s\n", type, strerror(errno));
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", target, file);
	printf("%s mounted, %s %s\n", type, file, open(path, O_WRONLY) < 0 ? "closed" : "open");
}

int main(int argc, char **argv)
{
	const char *target = argc > 1 ? argv[1] : "/tmp";

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0) {
		perror("nested: unshare");
		return 1;
	}
	if (fork() == 0) {
		try_mount("proc", target, "sys/kernel/core_pattern");
		try_mount("sysfs", target, "kernel/uevent_helper");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	return 0;
}
