#include "child.h"

/* failed_at remembers the part of the op that fails; rc is passed through. */
long failed_at(enum part part, long rc)
{
	self.part = part;
	return rc;
}

void failed_text(const char *text, size_t len)
{
	if (len > MESSAGE_TEXT)
		len = MESSAGE_TEXT;
	memcpy(self.text, text, len);
	self.text_len = (uint32_t)len;
}

/* tell sends one message, with the descriptor fd unless it is -1. */
long tell(uint32_t kind, uint32_t detail, long fd)
{
	struct op *ops = (struct op *)(void *)(self.plan + sizeof(*self.header));
	struct message m = {
		.kind = kind, .op = self.header->op_count - (uint32_t)(self.op - ops), .detail = detail};
	struct cmsg_fd control = {sizeof(control) - 4, SOL_SOCKET, SCM_RIGHTS, (int)fd, 0};
	struct iov iov[2] = {{&m, sizeof(m)}, {self.text, self.text_len}};
	struct msghdr msg = {.iov = iov, .iovlen = 2};

	if (kind == MSG_FAILED) {
		m.err = detail;
		m.detail = self.part;
	}
	if (fd >= 0) {
		msg.control = &control;
		msg.controllen = sizeof(control);
	}
	return sys3(__NR_sendmsg, self.socket, &msg, MSG_NOSIGNAL);
}

/* wait_go waits for the parent. A parent that is gone, or that has given up,
 * has closed the socket: then there is nothing left to do. */
void wait_go(void)
{
	struct message m;
	long n;

	do
		n = sys6(__NR_recvfrom, self.socket, &m, sizeof(m), 0, 0, 0);
	while (n == -EINTR);
	if (n != sizeof(m) || m.kind != MSG_GO)
		leave(1);
}

void give_up(long rc)
{
	tell(MSG_FAILED, (uint32_t)-rc, -1);
	leave(1);
}

void leave(int status)
{
	for (;;)
		sys1(__NR_exit_group, status);
}

long op_checkpoint(const struct op *op)
{
	long rc = tell((uint32_t)op->n[0], 0, -1);

	if (rc < 0)
		leave(1);
	wait_go();
	return 0;
}

/* op_created: from here on the parent may be gone at any time. */
long op_created(const struct op *op)
{
	(void)op;
	return tell(MSG_CREATED, 0, -1);
}
