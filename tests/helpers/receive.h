/* A unix socket at which a helper waits for one message with descriptors. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline int listen_at(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(name.sun_path))
		errx(1, "socket %s", path);
	strcpy(name.sun_path, path);
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, 4) < 0)
		err(1, "listen at %s", path);
	return fd;
}

/* detach continues in a child and prints its pid, so that the socket listens when the
 * command returns. The child runs for half a minute at most. */
static inline void detach(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0) {
		printf("%d\n", pid);
		fflush(stdout);
		_exit(0);
	}
	alarm(30);
}

/* receive receives one message with one descriptor; the text is NUL-terminated. */
static inline int receive(int listener, char *text, size_t size)
{
	char control[CMSG_SPACE(sizeof(int) * 4)] = {0};
	struct iovec part = {.iov_base = text, .iov_len = size - 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC), fd;
	struct cmsghdr *head;
	ssize_t n;

	if (connection < 0)
		err(1, "accept");
	n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	if (n < 0)
		err(1, "receive");
	text[n] = 0;
	head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
		errx(1, "not exactly one descriptor came with the message \"%s\"", text);
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	close(connection);
	return fd;
}

#endif
