/* Every actor tells its user's tools what it is at. */
#ifndef INSPECT_INSPECT_H
#define INSPECT_INSPECT_H

/* Has what tools ask for among this program's remote functions, also where only what is called is linked. */
void inspect_serve(void);

#endif
