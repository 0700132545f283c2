/* attack NAME … does what an attacker does and a shell can't:
 *   type TEXT        types TEXT into the terminal on standard input (TIOCSTI), and into the
 *                    controlling terminal; prints those that took it
 *   mkdir PATH       makes the directories PATH.native, PATH.x32 and PATH.i386 by the
 *                    system calls of these ABIs; prints the ABIs that worked
 *   userns           makes a user namespace by clone, unshare and clone3; prints those
 *                    that worked
 *   ungroup FILE     opens FILE after it has left all supplementary groups
 *   reuse PID        makes a process with this pid, which waits; prints "reused"
 *   opened SECONDS FILE…  tries to open device FILEs until the time is over; prints the
 *                    first that it gets
 *   secret NAME      searches its keyrings for the key NAME and prints what it holds
 *   hide NAME TEXT COMMAND…  runs COMMAND with the key NAME in its session keyring
 *   crash SECONDS    sends SIGABRT to the runtime's processes that enter the container */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void type_into(const char *name, int fd, const char *text)
{
	for (; *text; text++)
		if (ioctl(fd, TIOCSTI, text) < 0)
			return;
	puts(name);
}

static void type(const char *text)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	type_into("stdin", 0, text);
	type_into("tty", fd, text);
}

#ifdef __x86_64__
#define X32_BIT 0x40000000
#define I386_MKDIR 39

static void by_x32(const char *path) { syscall(X32_BIT | SYS_mkdir, path, 0700); }

static void by_i386(const char *path)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long rc;

	if (low == MAP_FAILED)
		err(1, "mmap");
	strncpy(low, path, 4095);
	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(I386_MKDIR), "b"(low), "c"(0700)
			 : "memory", "r8", "r9", "r10", "r11");
}
#endif

static void by_native(const char *path) { mkdir(path, 0700); }

/* The filter may kill the process that tries. */
static void try_mkdir(const char *path, const char *abi, void (*make)(const char *))
{
	char full[4096];
	struct stat st;
	pid_t pid;

	snprintf(full, sizeof(full), "%s.%s", path, abi);
	pid = fork();
	if (pid == 0) {
		make(full);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (stat(full, &st) == 0)
		puts(abi);
}

static void make_directories(const char *path)
{
	try_mkdir(path, "native", by_native);
#ifdef __x86_64__
	try_mkdir(path, "x32", by_x32);
	try_mkdir(path, "i386", by_i386);
#endif
}

/* The process that a successful call makes ends at once. */
static void try_clone(const char *name, long flags)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t own = getpid();
	long rc;

	if (!strcmp(name, "clone3"))
		rc = syscall(SYS_clone3, &args, sizeof(args));
	else
		rc = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	if (rc == 0 && getpid() != own) {
		if (!strcmp(name, "unshare"))
			_exit(syscall(SYS_unshare, CLONE_NEWUSER) < 0);
		_exit(0);
	}
	if (rc > 0) {
		int status = 1;

		waitpid((pid_t)rc, &status, 0);
		if (status == 0)
			puts(name);
	}
}

static void user_namespaces(void)
{
	try_clone("clone", CLONE_NEWUSER);
	try_clone("unshare", 0);
	try_clone("clone3", 0);
}

static void ungroup(const char *file)
{
	gid_t group = getegid();

	if (setgroups(0, NULL) < 0 && setgroups(1, &group) < 0)
		printf("setgroups: %s\n", strerror(errno));
	puts(open(file, O_RDONLY | O_CLOEXEC) < 0 ? strerror(errno) : "opened");
}

static void reuse(const char *pid)
{
	pid_t tid = atoi(pid);
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&tid, .set_tid_size = 1};
	long rc = syscall(SYS_clone3, &args, sizeof(args));

	if (rc < 0)
		err(1, "clone3 with pid %s", pid);
	if (rc == 0) {
		pause();
		_exit(0);
	}
	puts("reused");
	fflush(stdout);
	waitpid((pid_t)rc, NULL, 0);
}

static void opened(time_t seconds, char **files)
{
	time_t end = time(NULL) + seconds;
	long tries = 0;

	puts("waiting");
	fflush(stdout);
	while (time(NULL) <= end)
		for (char **file = files; *file; file++, tries++)
			if (open(*file, O_RDONLY | O_NONBLOCK | O_CLOEXEC) >= 0) {
				printf("opened %s\n", *file);
				return;
			}
	puts(tries > 1000 ? "nothing opened" : "too few tries");
}

static void secret(const char *name)
{
	char text[256] = "";
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", name, 0);

	if (key < 0)
		key = syscall(SYS_request_key, "user", name, NULL, 0);
	if (key < 0 || syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text) - 1) < 0)
		puts(strerror(errno));
	else
		puts(text);
}

static void hide(const char *name, const char *text, char **command)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", name, text, strlen(text), KEY_SPEC_SESSION_KEYRING) < 0)
		err(1, "key %s", name);
	execvp(*command, command);
	err(1, "%s", *command);
}

/* The executable of the runtime's child isn't one of the image. */
static void crash(time_t seconds)
{
	time_t end = time(NULL) + seconds;
	char path[300], exe[512];
	struct dirent *entry;

	puts("waiting");
	fflush(stdout);
	while (time(NULL) < end) {
		DIR *proc = opendir("/proc");

		while (proc && (entry = readdir(proc))) {
			ssize_t n;

			if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid())
				continue;
			snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
			n = readlink(path, exe, sizeof(exe) - 1);
			exe[n < 0 ? 0 : n] = 0;
			if (strncmp(exe, "/bin/", 5) && strncmp(exe, "/opt/", 5))
				kill(atoi(entry->d_name), SIGABRT);
		}
		if (proc)
			closedir(proc);
	}
	puts("over");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "type") && argc == 3)
		type(argv[2]);
	else if (!strcmp(name, "mkdir") && argc == 3)
		make_directories(argv[2]);
	else if (!strcmp(name, "userns"))
		user_namespaces();
	else if (!strcmp(name, "ungroup") && argc == 3)
		ungroup(argv[2]);
	else if (!strcmp(name, "reuse") && argc == 3)
		reuse(argv[2]);
	else if (!strcmp(name, "opened") && argc > 3)
		opened(atoi(argv[2]), argv + 3);
	else if (!strcmp(name, "secret") && argc == 3)
		secret(argv[2]);
	else if (!strcmp(name, "hide") && argc > 4)
		hide(argv[2], argv[3], argv + 4);
	else if (!strcmp(name, "crash") && argc == 3)
		crash(atoi(argv[2]));
	else
		errx(2, "no attack: %s", name);
	return 0;
}
