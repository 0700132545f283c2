/* The messages of the conversation: with the parent, later with `start`. */
#include "child.h"
#include <linux/uio.h>

long failed_at(enum part part, long rc)
{
	self.part = part;
	return rc;
}

long failed_with(int status)
{
	self.status = (uint32_t)status;
	return failed_at(PART_STATUS, -ECANCELED);
}

void failed_text(const char *text, size_t len)
{
	if (len > MESSAGE_TEXT)
		len = MESSAGE_TEXT;
	memcpy(self.text, text, len);
	self.text_len = (uint32_t)len;
}

static long send_message(struct message *m, struct cmsg_fd *control)
{
	struct iovec iov[2] = {{m, sizeof(*m)}, {self.text, self.text_len}};
	struct msghdr msg = {.iov = iov, .iovlen = 2};

	m->op = self.op->kind;
	m->step = (uint32_t)(self.op - plan.ops);
	m->steps = plan.header->op_count;
	if (control) {
		msg.control = control;
		msg.controllen = sizeof(*control);
	}
	return sys3(__NR_sendmsg, self.socket, &msg, MSG_NOSIGNAL);
}

long message_send(enum message_kind kind, long fd)
{
	struct message m = {.kind = kind};
	struct cmsg_fd control = cmsg_of((int)fd);

	return send_message(&m, fd < 0 ? 0 : &control);
}

void wait_proceed(void)
{
	struct message m;
	long n;

	do
		n = sys6(__NR_recvfrom, self.socket, &m, sizeof(m), 0, 0, 0);
	while (n == -EINTR);
	if (n != sizeof(m) || m.kind != MSG_PROCEED)
		leave(1);
}

/* send_mounts sends a request for a tree with the mount namespace of the child and its
 * root directory there: the parent may not be allowed to open them, because the child is
 * undumpable. */
static long send_mounts(void)
{
	struct message m = {.kind = MSG_TREE};
	struct cmsg_fd control;
	long rc, ns, root, dir = open_proc("self/ns", O_PATH | O_DIRECTORY);

	if (dir < 0)
		return failed_at(PART_OPEN, dir);
	ns = sys4(__NR_openat, dir, "mnt", O_RDONLY | O_CLOEXEC, 0);
	sys_close(dir);
	if (ns < 0)
		return failed_at(PART_OPEN, ns);
	root = sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	control = cmsg_of_two((int)ns, (int)root);
	rc = root < 0 ? failed_at(PART_OPEN, root) : send_message(&m, &control);
	sys_close(root);
	sys_close(ns);
	return rc;
}

long ask_tree(void)
{
	static int has_sent_mounts;
	struct message m;
	struct cmsg_fd control = {0};
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr msg = {.iov = &iov, .iovlen = 1, .control = &control, .controllen = sizeof(control)};
	long n = has_sent_mounts ? message_send(MSG_TREE, -1) : send_mounts();

	if (n < 0)
		return n;
	has_sent_mounts = 1;
	do
		n = sys3(__NR_recvmsg, self.socket, &msg, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n != sizeof(m) || m.kind != MSG_PROCEED || control.len != cmsg_of(0).len ||
	    control.type != SCM_RIGHTS)
		leave(1);
	return control.fd;
}

void report(long rc)
{
	struct message m = {.kind = MSG_FAILED, .part = self.part};

	if (self.part == PART_STATUS)
		m.status = self.status;
	else
		m.err = (uint32_t)-rc;
	send_message(&m, 0);
}

void give_up(long rc)
{
	report(rc);
	leave(1);
}

/* A seccomp filter may refuse exit_group. A trap ends the process all the same, even
 * one that is the init of a pid namespace. */
void leave(int status)
{
	sys1(__NR_exit_group, status);
	__builtin_trap();
}

/* The point of a checkpoint is the kind of its message (nsenter/message.go). */
long op_checkpoint(const struct op *op)
{
	long rc = message_send((enum message_kind)op->checkpoint.point, -1);

	if (rc < 0)
		leave(1);
	wait_proceed();
	return 0;
}

long op_announce(const struct op *op)
{
	(void)op;
	message_send(MSG_EXECUTING, -1);
	return 0;
}

/* After op_created the parent may exit at any time. */
long op_created(const struct op *op)
{
	(void)op;
	return message_send(MSG_CREATED, -1);
}
