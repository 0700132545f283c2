/* notify MESSAGE… sends each message to $NOTIFY_SOCKET, as sd_notify(3) does.
 * notify -l SOCKET OUTPUT acts as the service manager: it writes each message to OUTPUT,
 * one line for each, and closes the descriptors that are sent with it. It continues in
 * the background and prints its pid. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "receive.h"

static int datagram(const char *path, struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (fd < 0 || strlen(path) >= sizeof(name->sun_path))
		errx(1, "socket %s", path);
	strcpy(name->sun_path, path);
	return fd;
}

static void take(int fd, FILE *out)
{
	char text[4096], control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head;
	int given;

	if (n < 0)
		err(1, "receive");
	for (ssize_t i = 0; i < n; i++)
		fputc(text[i] == '\n' ? '|' : text[i], out);
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS) {
		memcpy(&given, CMSG_DATA(head), sizeof(given));
		close(given);
		fputs(" +fd", out);
	}
	fputc('\n', out);
	fflush(out);
}

static void listen_for(const char *path, const char *output)
{
	struct sockaddr_un name;
	int fd = datagram(path, &name);
	FILE *out = fopen(output, "we");

	if (!out)
		err(1, "%s", output);
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		err(1, "bind %s", path);
	detach();
	fclose(stdout);
	for (;;)
		take(fd, out);
}

int main(int argc, char **argv)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un name;
	int fd;

	if (argc == 4 && !strcmp(argv[1], "-l"))
		listen_for(argv[2], argv[3]);
	if (!path)
		errx(1, "NOTIFY_SOCKET is not set");
	fd = datagram(path, &name);
	for (int i = 1; i < argc; i++)
		if (sendto(fd, argv[i], strlen(argv[i]), 0, (struct sockaddr *)&name, sizeof(name)) < 0)
			err(1, "send to %s", path);
	return 0;
}
