/* pidfdreceive SOCKET OUTPUT receives a pidfd at an OCI pidfd socket and writes
 * "TEXT PID" to OUTPUT: the message, and the process that the pidfd refers to. It
 * continues in the background and prints its pid. */
#define _GNU_SOURCE
#include "receive.h"

int main(int argc, char **argv)
{
	char text[256], path[64], line[256];
	int listener, fd;
	FILE *info, *out;

	if (argc != 3)
		errx(2, "usage: pidfdreceive SOCKET OUTPUT");
	listener = listen_at(argv[1]);
	out = fopen(argv[2], "we");
	if (!out)
		err(1, "%s", argv[2]);
	detach();
	fclose(stdout);
	fd = receive(listener, text, sizeof(text));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info)) {
		int pid;

		if (sscanf(line, "Pid: %d", &pid) == 1)
			fprintf(out, "%s %d\n", text, pid);
	}
	return 0;
}
