/* syscalls NUMBER[,ARGUMENT…]… makes system calls and prints the errno of each, or 0. A call
 * that ends the process is made in a child, and its signal is printed as -SIGNAL. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void call(char *text)
{
	unsigned long long a[7] = {0};
	char *word, *rest = text;
	int i = 0;

	while (i < 7 && (word = strsep(&rest, ",")))
		a[i++] = strtoull(word, NULL, 0);
	errno = 0;
	syscall((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	printf("%d\n", errno);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	int i, status;

	for (i = 1; i < argc; i++) {
		pid_t pid = fork();

		if (pid == 0)
			call(argv[i]);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
		if (WIFSIGNALED(status))
			printf("%d\n", -WTERMSIG(status));
		fflush(stdout);
	}
	return 0;
}
