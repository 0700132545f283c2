/* The last steps: the working directory, the program, the wait for `start`, and
 * execve(2). */
#include "child.h"

#define SA_RESTORER_ 0x04000000
#define SOCK_CLOEXEC_ 02000000
#define SIGKILL 9
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGURG 23
#define SIGWINCH 28
#define LAST_SIGNAL 31
#define X_OK 1
#define ST_NOEXEC 8

static char home[PATH_MAX];
static char program[PATH_MAX];

struct line_reader {
	long fd;
	size_t at, end;
	char buf[1024];
};

static int next_byte(struct line_reader *r)
{
	if (r->at == r->end) {
		long n = sys3(__NR_read, r->fd, r->buf, sizeof(r->buf));

		if (n <= 0)
			return -1;
		r->at = 0;
		r->end = (size_t)n;
	}
	return (unsigned char)r->buf[r->at++];
}

/* home_of reads one line of passwd(5) and gives the home directory's length in
 * home if its uid is the wanted one, 0 if not, -1 at the end of the file. */
static int home_of(struct line_reader *r, const char *uid)
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

/* op_home: a /etc/passwd that isn't a plain file, or has no line for the uid,
 * leaves HOME=/. */
long op_home(const struct op *op)
{
	static struct line_reader r;
	struct file_status st;
	char uid[24];
	int len = -1;

	decimal(uid, op->n[0]);
	memcpy(home, "HOME=/", 7);
	self.home = home;
	r.fd = in_root("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (r.fd < 0)
		return 0;
	if (file_stat(r.fd, &st) >= 0 && (st.mode & S_IFMT) == S_IFREG)
		while ((len = home_of(&r, uid)) == 0)
			;
	if (len <= 0)
		memcpy(home, "HOME=/", 7);
	sys_close(r.fd);
	return 0;
}

/* close_directories leaves no descriptor through which a working directory of
 * /proc/self/fd/N could lead out (CVE-2024-21626). */
static void close_directories(void)
{
	struct plan_header *h = self.header;

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

/* op_chdir: what root may not enter (a FUSE or NFS mount), the user of the
 * process perhaps may, and the other way round: one of the two is enough. */
long op_chdir(const struct op *op)
{
	static int done;
	long rc;

	if (op->flags & CHDIR_EARLY)
		close_directories();
	if (done)
		return verify_directory();
	rc = sys1(__NR_chdir, op_str(op, 0));
	if ((rc == -EACCES || rc == -EPERM) && (op->flags & CHDIR_EARLY))
		return 0;
	if (rc < 0)
		return rc;
	done = 1;
	return verify_directory();
}

/* why_denied tells the other side where the mount is the reason, which it can't
 * see: statfs(2). */
static long why_denied(const char *path)
{
	uint64_t fs[16]; /* struct statfs: f_flags is the eleventh long */

	if (sys2(__NR_statfs, path, fs) < 0 || !(fs[10] & ST_NOEXEC))
		return -EACCES;
	failed_text(path, str_len(path));
	return failed_at(PART_NOEXEC, -EACCES);
}

/* executable: a regular file that the process may execute, by its effective ids. */
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

/* op_resolve_exec follows execvp(3): what may not be executed is passed over, and is the
 * error if nothing better comes. */
long op_resolve_exec(const struct op *op)
{
	const char *name = op_str(op, 0);
	long rc, error = -ENOENT;

	if (has_slash(name)) {
		rc = executable(name);
		if (rc < 0)
			return rc;
		self.program = name;
		return 0;
	}
	for (char **dir = op_vec(op, 1); *dir; dir++) {
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

static void die_of(int signal) { leave(128 + signal); }

/* As pid 1 a process without handlers doesn't even die of SIGTERM. A container
 * that waits for `start` should; execve(2) brings the defaults back. */
static void die_of_signals(void)
{
	for (int s = 1; s <= LAST_SIGNAL; s++) {
		struct action new = {die_of, SA_RESTORER_, (void (*)(void))die_of, ~0ULL};

		if (s == SIGKILL || s == SIGCHLD || (s >= SIGCONT && s <= SIGTSTP + 2) || s == SIGURG ||
		    s == SIGWINCH)
			continue;
		sys4(__NR_rt_sigaction, s, &new, 0, 8);
	}
}

/* accept_start takes the connection of a `start`. One that is gone before it
 * has said a word didn't start anything. */
static long accept_start(long listener)
{
	for (;;) {
		struct message m;
		long fd = sys4(__NR_accept4, listener, 0, 0, SOCK_CLOEXEC_);

		if (fd == -EINTR || fd == -ECONNABORTED)
			continue;
		if (fd < 0)
			return fd;
		if (sys6(__NR_recvfrom, fd, &m, sizeof(m), 0, 0, 0) == sizeof(m) && m.kind == MSG_GO)
			return fd;
		sys_close(fd);
	}
}

long op_wait_start(const struct op *op)
{
	long fd, listener = op_file(op);

	if (listener < 0) {
		wait_go();
		return 0;
	}
	sys_close(self.socket);
	self.socket = -1;
	die_of_signals();
	fd = accept_start(listener);
	if (fd < 0)
		return fd;
	sys_close(listener);
	self.socket = fd;
	/* The one `start` of several that is heard. */
	return tell(MSG_STARTING, 0, -1);
}

/* op_exec: execve(2) closes all but the standard streams and the descriptors that
 * were asked for (mark_close_on_exec), and by the end of the conversation the
 * other side knows that it went well. No other call is made: the filter that is
 * in force by now may kill for it. */
long op_exec(const struct op *op)
{
	char **env = op_vec(op, 1);

	if (self.home) {
		char **e = env;

		while (*e && e[1])
			e++;
		if (*e)
			*e = self.home;
	}
	long rc = sys3(__NR_execve, self.program, op_vec(op, 0), env);
	/* The other side looks at the file to tell what is wrong with it. */
	failed_text(self.program, str_len(self.program));
	return failed_at(PART_EXEC, rc);
}
