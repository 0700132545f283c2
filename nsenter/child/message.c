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

static long send_message(struct message *m, long fd)
{
	struct cmsg_fd control = cmsg_of((int)fd);
	struct iovec iov[2] = {{m, sizeof(*m)}, {self.text, self.text_len}};
	struct msghdr msg = {.iov = iov, .iovlen = 2};

	m->op = self.op->kind;
	m->step = (uint32_t)(self.op - plan.ops);
	m->steps = plan.header->op_count;
	if (fd >= 0) {
		msg.control = &control;
		msg.controllen = sizeof(control);
	}
	return sys3(__NR_sendmsg, self.socket, &msg, MSG_NOSIGNAL);
}

long message_send(enum message_kind kind, long fd)
{
	struct message m = {.kind = kind};

	return send_message(&m, fd);
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

void give_up(long rc)
{
	struct message m = {.kind = MSG_FAILED, .part = self.part};

	if (self.part == PART_STATUS)
		m.status = self.status;
	else
		m.err = (uint32_t)-rc;
	send_message(&m, -1);
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

/* After op_created the parent may exit at any time. */
long op_created(const struct op *op)
{
	(void)op;
	return message_send(MSG_CREATED, -1);
}
