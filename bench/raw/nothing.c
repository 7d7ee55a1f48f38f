/* A process that does nothing: it gives back what it is sent on its standard input, a socket, until that ends. It
 * is what starting a program costs without the library, linked as every program of its users is, or statically. */
#include <unistd.h>

int main(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1 && write(STDIN_FILENO, &byte, 1) == 1)
        continue;
    return 0;
}
