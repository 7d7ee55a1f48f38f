/* A table of figures: samples of each, taken by turns, their medians, and what these must be and should be. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "measure.h"

enum { MOST_SAMPLES = 101 };

struct figure {
    const char *key;
    const char *of;             /* the figure that `must` and `aim` are multiples of; NULL: they are absolute */
    double must, aim;           /* at most, or at least; 0: nothing is asked */
    bool at_least;
    const char *left_out;       /* why it may be missing; NULL: there was no room, or no time for it */
    double samples[MOST_SAMPLES];
    int count;
    double value;               /* their median; -1: not known */
};

struct figures {
    struct figure *items;
    int count;
};

static inline struct figure *figure(const struct figures *all, const char *key)
{
    for (int i = 0; i < all->count; i++)
        if (strcmp(all->items[i].key, key) == 0)
            return &all->items[i];
    return NULL;
}

/* One more sample. What nobody asks for has no figure. */
static inline void note(const struct figures *all, const char *key, double value)
{
    struct figure *it = figure(all, key);
    if (it && it->count < MOST_SAMPLES)
        it->samples[it->count++] = value;
}

static inline void find_medians(const struct figures *all)
{
    for (int i = 0; i < all->count; i++) {
        struct figure *it = &all->items[i];
        it->value = it->count ? median(it->samples, it->count) : -1;
    }
}

/* In the figure that it is to be compared with; -1 if there is none. */
static inline double multiple(const struct figures *all, const struct figure *it)
{
    const struct figure *of = it->of ? figure(all, it->of) : NULL;
    return of && of->value > 0 && it->value >= 0 ? it->value / of->value : -1;
}

static inline bool is_within(const struct figure *it, double value, double bound)
{
    return it->at_least ? value >= bound : value <= bound;
}

static inline const char *verdict(const struct figures *all, const struct figure *it)
{
    double value = it->of ? multiple(all, it) : it->value;
    if (it->must <= 0)
        return "";
    if (!is_within(it, value, it->must))
        return it->at_least ? "too slow" : "too much";
    return it->aim > 0 && is_within(it, value, it->aim) ? "as it should be" : "";
}

static inline const char *bound(const struct figure *it, double bound)
{
    return bound <= 0 ? "" : tr_format("%s%g%s", it->at_least ? ">= " : "<= ", bound, it->of ? "x" : "");
}

static inline void print_figure(const struct figures *all, const struct figure *it)
{
    const char *compared = it->of ? tr_format("%.2fx %s", multiple(all, it), it->of) : "";
    printf("%-26s %12.*f  %-28s %12s %12s  %s\n", it->key, it->value < 1000 ? 3 : 0, it->value, compared,
           bound(it, it->must), bound(it, it->aim), verdict(all, it));
}

static inline void print_figures(const struct figures *all)
{
    printf("%-26s %12s  %-28s %12s %12s\n", "", "measured", "which is", "must be", "aim");
    for (int i = 0; i < all->count; i++) {
        const struct figure *it = &all->items[i];
        if (it->value >= 0)
            print_figure(all, it);
        else
            printf("%-26s left out: %s\n", it->key, it->left_out ? it->left_out : "no room, or no time for it");
    }
}

/* All that are known, and the multiples; null for those that can be left out, and were. */
static inline void add_figures(FILE *json, const struct figures *all)
{
    for (int i = 0; i < all->count; i++) {
        if (all->items[i].value < 0 && all->items[i].left_out)
            fprintf(json, "%s\"%s\": null", ftell(json) > 0 ? ", " : "{", all->items[i].key);
        add_member(json, "", all->items[i].key, all->items[i].value);
        if (all->items[i].of)
            add_member(json, all->items[i].key, "_multiple", multiple(all, &all->items[i]));
    }
}

static inline int write_figures(const char *path, const struct figures *all)
{
    FILE *json = NULL;
    tr_try(open_json(path, &json));
    add_figures(json, all);
    return close_json(json, path);
}

#endif
