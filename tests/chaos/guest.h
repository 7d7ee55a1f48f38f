/* Two trees that meet: a host, whose root is the arbiter, and guests, who come to it by way of the fault proxy.
 *
 * The guests' root and the actors it starts each pay a visit: they call functions in the host's root, read its
 * streams, send it more than any buffer holds, give calls up, and find its child by name, to whom they then talk
 * directly. Each of these has a deadline. What must hold whatever the weather: one outcome, by the deadline and two
 * seconds; at once, when the connection is reset or the host dies; the right value, if there is one. For a guest
 * with a clear sky, or delays and partial writes only, everything succeeds.
 *
 * With bit flips, values that came by way of the proxy are not compared. Connections are not authenticated: a bit in
 * a value changes the value, and one in a call's number gives it to the wrong call. That is what is known; what is
 * checked is that nobody else's connection, call or value is touched, and that everybody lives on. */
#ifndef CHAOS_GUEST_H
#define CHAOS_GUEST_H

/* Main functions of roots; the argument is the struct board. */
int host_main(void *board);
int guest_main(void *board);

/* The module whose functions the host's root must serve. */
#define GUEST_MODULE "guest"

#endif
