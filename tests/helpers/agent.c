/* agent SOCKET OUTPUT ERRNO: a seccomp agent. It receives a listener from the runtime
 * and writes the state that came with it to OUTPUT. Until the container has ended it
 * answers every system call with ERRNO, or lets it continue if ERRNO is 0, and writes
 * the numbers of the calls to OUTPUT.calls. It continues in the background and prints
 * its pid. */
#define _GNU_SOURCE
#include "receive.h"
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static void answer(int listener, int error, FILE *calls)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	while (poll(&p, 1, -1) == 1 && !(p.revents & POLLHUP)) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp reply = {0};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		reply.id = call.id;
		reply.error = -error;
		reply.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		fprintf(calls, "%d\n", call.data.nr);
		fflush(calls);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
	}
}

int main(int argc, char **argv)
{
	static char state[1 << 16];
	int socket, listener;
	char path[4096];
	FILE *out, *calls;

	if (argc != 4)
		errx(2, "usage: agent SOCKET OUTPUT ERRNO");
	socket = listen_at(argv[1]);
	out = fopen(argv[2], "we");
	if (!out)
		err(1, "%s", argv[2]);
	snprintf(path, sizeof(path), "%s.calls", argv[2]);
	calls = fopen(path, "we");
	if (!calls)
		err(1, "%s", path);
	detach();
	fclose(stdout);
	listener = receive(socket, state, sizeof(state));
	fputs(state, out);
	fclose(out);
	answer(listener, atoi(argv[3]), calls);
	return 0;
}
