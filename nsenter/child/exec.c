/* The last steps: the working directory, the program, waiting for `start`, and
 * execve(2). */
#include "child.h"
#include <asm/statfs.h>
#include <linux/time_types.h>

#define PASSWD_BYTES (16 << 20)
#define PASSWD_SECONDS 2
#define START_SECONDS 1
#define EXIT_NOT_EXECUTED 255
#define LAST_SIGNAL 31 /* those above are the real-time signals */

static char home[PATH_MAX];
static char program[PATH_MAX];
static int by_start; /* another process than the parent has started the container */

/* home_of reads one line of passwd(5). It returns the length of the home directory,
 * which it copies to home, if the line is that of uid, 0 if not, -1 at the end of
 * the file. */
static int home_of(struct reader *r, const char *uid)
{
	size_t field = 0, len = 0, matched = 0;
	int same = 1, c;

	while ((c = next_byte(r)) >= 0 && c != '\n') {
		if (c == ':') {
			if (field == 2 && uid[matched])
				same = 0;
			field++;
		} else if (field == 2) {
			if (uid[matched] == c)
				matched++;
			else
				same = 0;
		} else if (field == 5 && len < sizeof(home) - 6) {
			home[5 + len++] = (char)c;
		}
	}
	home[5 + len] = 0;
	if (field >= 5 && same && len > 0)
		return (int)len;
	return c < 0 ? -1 : 0;
}

/* op_home uses HOME=/ if /etc/passwd isn't a regular file or has no line for the uid.
 * The image may make it as large, and its file system as slow, as it likes. */
long op_home(const struct op *op)
{
	static struct reader r = {.max = PASSWD_BYTES, .seconds = PASSWD_SECONDS};
	char uid[24];
	int len;

	decimal(uid, op->home.uid);
	memcpy(home, "HOME=/", 7);
	self.home = home;
	r.fd = in_root_if("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, is_regular);
	if (r.fd < 0)
		return 0;
	while ((len = home_of(&r, uid)) == 0)
		;
	if (len <= 0)
		memcpy(home, "HOME=/", 7);
	sys_close(r.fd);
	return 0;
}

/* close_directories closes every descriptor through which a working directory of
 * /proc/self/fd/N could be outside of the root (CVE-2024-21626). */
static void close_directories(void)
{
	struct plan_header *h = plan.header;

	sys_close(self.root);
	sys_close(self.proc);
	self.root = -1;
	self.proc = -1;
	for (uint32_t i = 0; i < h->file_count; i++) {
		struct file_status st;
		long fd = (long)h->first_file + i;

		if (file_stat(fd, &st) >= 0 && (st.mode & S_IFMT) == S_IFDIR)
			sys_close(fd);
	}
}

static long verify_directory(void)
{
	static char path[PATH_MAX];
	long rc = sys2(__NR_getcwd, path, sizeof(path));

	/* "(unreachable)…": not below our root */
	if (rc == -ENOENT || (rc >= 0 && path[0] != '/'))
		return failed_at(PART_OUTSIDE, -ENOENT);
	return rc < 0 && rc != -ERANGE ? rc : 0;
}

/* op_chdir: the user of the process may be able to enter a directory that root
 * can't enter (a FUSE or NFS mount), and the other way round. It is enough if one
 * of the two can. */
long op_chdir(const struct op *op)
{
	static int done;
	long rc;

	if (op->flags & CHDIR_EARLY)
		close_directories();
	if (done)
		return verify_directory();
	rc = sys1(__NR_chdir, str_of(op->chdir.path));
	if ((rc == -EACCES || rc == -EPERM) && (op->flags & CHDIR_EARLY))
		return 0;
	if (rc < 0)
		return rc;
	done = 1;
	return verify_directory();
}

/* why_denied reports a mount with the option noexec, which the parent can't see:
 * statfs(2). */
static long why_denied(const char *path)
{
	struct statfs fs;

	if (sys2(__NR_statfs, path, &fs) < 0 || !(fs.f_flags & ST_NOEXEC))
		return -EACCES;
	failed_text(path, str_len(path));
	return failed_at(PART_NOEXEC, -EACCES);
}

/* executable returns 0 for a regular file that the process may execute with its
 * effective ids. */
static long executable(const char *path)
{
	struct file_status st;
	long rc, fd = sys4(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	rc = file_stat(fd, &st);
	sys_close(fd);
	if (rc < 0)
		return rc;
	if ((st.mode & S_IFMT) == S_IFDIR)
		return -EISDIR;
	if ((st.mode & S_IFMT) != S_IFREG)
		return -EACCES;
	rc = sys4(__NR_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
	return rc == -EACCES ? why_denied(path) : rc;
}

static int has_slash(const char *s)
{
	while (*s && *s != '/')
		s++;
	return *s == '/';
}

/* op_resolve_exec follows execvp(3): it skips a file that may not be executed, and
 * reports it if it finds no other. */
long op_resolve_exec(const struct op *op)
{
	const char *name = str_of(op->resolve_exec.name);
	long rc, error = -ENOENT;

	if (has_slash(name)) {
		rc = executable(name);
		if (rc < 0)
			return rc;
		self.program = name;
		return 0;
	}
	for (char **dir = vec_of(op->resolve_exec.path); *dir; dir++) {
		if (join(program, **dir ? *dir : ".", name) < 0)
			continue;
		rc = executable(program);
		if (rc == 0) {
			self.program = program;
			return 0;
		}
		if (rc == -EACCES)
			error = rc;
	}
	return self.part == PART_NOEXEC ? error : failed_at(PART_SEARCH, error);
}

static void exit_by_signal(int signal) { leave(128 + signal); }

/* terminates reports whether the default action of a signal ends a process. */
static int terminates(int s)
{
	return s != SIGKILL && s != SIGCHLD && s != SIGCONT && s != SIGSTOP && s != SIGTSTP && s != SIGTTIN &&
	       s != SIGTTOU && s != SIGURG && s != SIGWINCH;
}

/* Without a handler, pid 1 ignores even SIGTERM. A container that waits for `start`
 * shouldn't; execve(2) restores the defaults. */
static void handle_signals(void)
{
	struct action act = {.handler = exit_by_signal, .mask = ~0ULL};

#ifdef SA_RESTORER
	act.flags = SA_RESTORER;
	act.restorer = (void (*)(void))exit_by_signal; /* never called: the handler doesn't return */
#endif
	for (int s = 1; s <= LAST_SIGNAL; s++)
		if (terminates(s))
			sys4(__NR_rt_sigaction, s, &act, 0, sizeof(act.mask));
}

/* receive_within sets how many seconds a receive from a socket waits at most; 0 is no
 * limit. */
static void receive_within(long fd, long seconds)
{
	struct __kernel_old_timeval most = {.tv_sec = seconds};

	sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
}

/* accept_start accepts the connection of a `start`. One that closes it before it
 * has sent its message doesn't start the container. One that stands still isn't waited
 * for, so that another can start it; it finds its connection closed, and tries again. */
static long accept_start(long listener)
{
	for (;;) {
		struct message m;
		long fd = sys4(__NR_accept4, listener, 0, 0, SOCK_CLOEXEC);

		if (fd == -EINTR || fd == -ECONNABORTED)
			continue;
		if (fd < 0)
			return fd;
		receive_within(fd, START_SECONDS);
		if (sys6(__NR_recvfrom, fd, &m, sizeof(m), 0, 0, 0) == sizeof(m) && m.kind == MSG_PROCEED) {
			receive_within(fd, 0);
			return fd;
		}
		sys_close(fd);
	}
}

long op_wait_start(const struct op *op)
{
	long fd, listener = op_file(op);

	if (listener < 0) {
		wait_proceed();
		return 0;
	}
	sys_close(self.socket);
	self.socket = -1;
	handle_signals();
	fd = accept_start(listener);
	if (fd < 0)
		return fd;
	sys_close(listener);
	self.socket = fd;
	by_start = 1;
	/* Of several concurrent `start`s only this one receives an answer. */
	return message_send(MSG_STARTING, -1);
}

void set_home(char **env)
{
	if (!self.home || !*env)
		return;
	while (env[1])
		env++;
	*env = self.home;
}

/* The words of Go, and so of runc, for what execve(2) returns. */
static const struct {
	int error;
	char text[40];
} reasons[] = {
	{E2BIG, "argument list too long"},
	{EACCES, "permission denied"},
	{EAGAIN, "resource temporarily unavailable"},
	{EINVAL, "invalid argument"},
	{EIO, "input/output error"},
	{EISDIR, "is a directory"},
	{ELIBBAD, "accessing a corrupted shared library"},
	{ELOOP, "too many levels of symbolic links"},
	{EMFILE, "too many open files"},
	{ENAMETOOLONG, "file name too long"},
	{ENFILE, "too many open files in system"},
	{ENOENT, "no such file or directory"},
	{ENOEXEC, "exec format error"},
	{ENOMEM, "cannot allocate memory"},
	{ENOSYS, "function not implemented"},
	{ENOTDIR, "not a directory"},
	{EPERM, "operation not permitted"},
	{ETXTBSY, "text file busy"},
};

/* append copies text to out, after what has the length len, and returns the new length. */
static size_t append(char *out, size_t len, const char *text)
{
	size_t n = str_len(text);

	memcpy(out + len, text, n);
	return len + n;
}

/* complain writes runc's line about a program that can't be executed to standard error,
 * for the container's log. SIGPIPE would change the exit status. */
static void complain(int error)
{
	static char line[PATH_MAX + 64];
	struct action ignore = {.handler = (void (*)(int))1}; /* SIG_IGN */
	char number[24];
	size_t len, i = 0;

	while (i < sizeof(reasons) / sizeof(*reasons) && reasons[i].error != error)
		i++;
	len = append(line, 0, "exec ");
	len = append(line, len, self.program);
	len = append(line, len, ": ");
	if (i < sizeof(reasons) / sizeof(*reasons)) {
		len = append(line, len, reasons[i].text);
	} else {
		decimal(number, (uint64_t)error);
		len = append(line, len, "errno ");
		len = append(line, len, number);
	}
	len = append(line, len, "\n");
	sys4(__NR_rt_sigaction, SIGPIPE, &ignore, 0, sizeof(ignore.mask));
	sys3(__NR_write, 2, line, len);
}

/* op_exec: execve(2) closes all descriptors except the standard streams and those
 * that the program inherits (mark_close_on_exec); the end of the conversation tells
 * the other side that it succeeded. No other system call is made before, because the
 * seccomp filter, which is active by now, may kill the process for it.
 *
 * A process that can't execute its program exits with 255, as with runc. In run and exec
 * it writes nothing, because the parent reports the failure, most often on the same
 * standard error. */
long op_exec(const struct op *op)
{
	char **env = vec_of(op->exec.env);

	set_home(env);
	long rc = sys3(__NR_execve, self.program, vec_of(op->exec.args), env);
	/* The other side inspects the file to explain the error. */
	failed_text(self.program, str_len(self.program));
	report(failed_at(PART_EXEC, rc));
	if (by_start)
		complain((int)-rc);
	leave(EXIT_NOT_EXECUTED);
}
