/* fdlist prints the numbers of the descriptors that this process was started with, on
 * one line. fcntl doesn't need a descriptor itself, unlike reading /proc/self/fd. */
#include <fcntl.h>
#include <stdio.h>

int main(void)
{
	const char *between = "";

	for (int fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) >= 0) {
			printf("%s%d", between, fd);
			between = " ";
		}
	}
	putchar('\n');
	return 0;
}
