/* camera.c: a camera films, and a watcher says where the light is. Its pictures, 300 KB each, are made where they are
 * looked at: but for the first nothing of them is copied. */
#include <stdio.h>
#include <tractor.h>

enum { WIDTH = 640, HEIGHT = 480, SIZE = WIDTH * HEIGHT };

/* Of a lamp at 0, 0. */
static bool is_lit(int x, int y)
{
    return x * x + y * y < 600;
}

/* It is carried past. */
static void expose(unsigned char *pixels, int time)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            *pixels++ = is_lit(x - 40 - 140 * time, y - 60 - 80 * time) ? 255 : 0;
}

tr_stream_fn(tr_bytes, film, (int32_t, pictures))
{
    for (int i = 0; i < args->pictures; i++) {
        tr_auto(frame) frame = tr_open_frame();                 /* each picture's memory ends with its turn */
        unsigned char *pixels = tr_buffer(ctx, SIZE);           /* where whoever reads this stream will see it */
        if (!pixels)
            return tr_raise("app.NoMemory", "for a picture");
        expose(pixels, i);
        tr_try(tr_yield(ctx, {pixels, SIZE}));                  /* from here on it is the reader's */
    }
    return 0;
}

static void say_where_the_light_is(int number, tr_bytes picture)
{
    const unsigned char *pixel = picture.data;
    long lit = 0, right = 0, down = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (*pixel++) {
                lit++;
                right += x;
                down += y;
            }
    if (lit)
        printf("picture %d: light at %ld, %ld\n", number, right / lit, down / lit);
    else
        printf("picture %d: dark\n", number);
}

static int watch(void *arg)
{
    (void)arg;
    tr_auto(nursery) n = tr_open_nursery();
    tr_portal *camera;
    tr_try(tr_start_actor(n, &camera, "camera", .modules = tr_names(tr_this_module())));

    tr_auto(stream) pictures = NULL;
    tr_try(tr_open_stream(camera, &pictures, film, .pictures = 6));
    tr_bytes picture;
    int rc, number = 0;
    while ((rc = tr_next(pictures, &picture, film)) > 0)        /* there until the next one is taken */
        say_where_the_light_is(++number, picture);
    tr_try(rc);

    tr_cancel(n);
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, watch, NULL);
}
