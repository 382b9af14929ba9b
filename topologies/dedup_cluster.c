/* SPDX-License-Identifier: Apache-2.0
 *
 * dedup_cluster.c - what the root of a cluster does: knows its URLs, and which of them is kept.
 *
 * A URL is registered by the content that carries it. Its content may move to a smaller root, or
 * the URL to another content, and the two messages of a move come from different tasks where the
 * content changes: so a member is removed only by the content that put it there, and an older
 * revision never replaces a newer one.
 *
 * Only what changes is told: a new member, and the two URLs between which the choice moved. Late
 * words of a root that was merged away lose against the smaller cluster id wherever they are read.
 */
#include "topologies/dedup_internal.h"
#include "topologies/tables_internal.h"

#include <string.h>

bool weir_dedup_ranks_before(const weir_dedup_member *a, const weir_dedup_member *b)
{
    if (a->accepted != b->accepted) {
        return a->accepted;
    }
    if (a->score < b->score || a->score > b->score) {
        return a->score > b->score;
    }
    if (a->url.size != b->url.size) {
        return a->url.size < b->url.size;
    }
    return weir_bytes_compare(a->url, b->url) < 0;
}

void weir_dedup_pair_key(weir_buf *out, weir_bytes left, weir_bytes right)
{
    weir_buf_set(out, left);
    weir_buf_append_byte(out, 0);
    weir_buf_append(out, right.data, right.size);
}

weir_bytes weir_dedup_pair_right(weir_bytes key)
{
    const uint8_t *zero = memchr(key.data, 0, key.size);
    WEIR_ASSERT(zero != NULL);
    size_t left = (size_t)(zero - (const uint8_t *)key.data) + 1;
    return weir_bytes_of(zero + 1, key.size - left);
}

static weir_avro_binding *member_binding(weir_dedup_graph *self)
{
    return weir_stage_binding(self->services, &weir_dedup_member_type);
}

static weir_status get_cluster(weir_dedup_graph *self, weir_bytes root, weir_dedup_cluster *out,
                               weir_error *err)
{
    return weir_stage_get_or_zero(self->base.context, self->clusters,
                                  weir_stage_binding(self->services, &weir_dedup_cluster_type),
                                  root, out, err);
}

static weir_status get_member(weir_dedup_graph *self, weir_bytes root, weir_bytes url_hash,
                              weir_dedup_member *out, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    weir_dedup_pair_key(&key, root, url_hash);
    return weir_stage_get(self->base.context, self->members, member_binding(self),
                          weir_buf_bytes(&key), out, err);
}

/* The member that the cluster, which has one, keeps. */
static weir_status get_kept(weir_dedup_graph *self, weir_bytes root,
                            const weir_dedup_cluster *cluster, weir_dedup_member *out,
                            weir_error *err)
{
    weir_status status = get_member(self, root, cluster->kept_url_hash, out, err);
    return status == WEIR_NOT_FOUND
               ? weir_error_set(err, WEIR_CORRUPT, "the kept URL of a cluster is no member")
               : status;
}

/* Writes the cluster and tells of it; kept_url is that of cluster->kept_url_hash. */
static weir_status put_cluster(weir_dedup_graph *self, const weir_dedup_message *message,
                               const weir_dedup_cluster *cluster, weir_bytes kept_url,
                               weir_error *err)
{
    WEIR_TRY(weir_stage_put(self->clusters,
                            weir_stage_binding(self->services, &weir_dedup_cluster_type),
                            message->to, cluster, err));
    return weir_dedup_decide(self,
                             &(weir_text_decision){.kind = WEIR_BYTES(DECISION_CLUSTER),
                                                   .content_hash = message->to,
                                                   .cluster_id = message->to,
                                                   .kept_url_hash = cluster->kept_url_hash,
                                                   .kept_url = kept_url,
                                                   .document_count = cluster->document_count,
                                                   .url_count = cluster->url_count,
                                                   .decided_at_ms = message->sent_at_ms},
                             message->sent_at_ms, err);
}

static weir_status decide_url(weir_dedup_graph *self, const weir_dedup_message *message,
                              weir_bytes url_hash, const weir_dedup_member *member, bool kept,
                              weir_error *err)
{
    return weir_dedup_decide(self,
                             &(weir_text_decision){.kind = WEIR_BYTES(DECISION_URL),
                                                   .content_hash = member->content_hash,
                                                   .cluster_id = message->to,
                                                   .revision = member->revision,
                                                   .url_hash = url_hash,
                                                   .url = member->url,
                                                   .kept = kept,
                                                   .decided_at_ms = message->sent_at_ms},
                             message->sent_at_ms, err);
}

/* The first member by rank, whose strings lie in the arena of the record; WEIR_NOT_FOUND: none. */
static weir_status find_best(weir_dedup_graph *self, weir_bytes root, weir_bytes *out_url_hash,
                             weir_dedup_member *out_best, weir_error *err)
{
    weir_arena *arena = weir_context_arena(self->base.context);
    WEIR_AUTO(weir_buf) prefix = {0};
    weir_dedup_pair_key(&prefix, root, WEIR_BYTES(""));
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    WEIR_TRY(weir_kv_prefix(self->members, weir_buf_bytes(&prefix), &walk, err));
    bool found = false;
    for (;;) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(walk, &key, &value, err);
        if (status == WEIR_NOT_FOUND) {
            return found ? WEIR_OK : WEIR_NOT_FOUND;
        }
        WEIR_TRY(status);
        weir_dedup_member member;
        WEIR_TRY(weir_dedup_member_decode(self->services->codec, value, arena, &member, err));
        if (found && !weir_dedup_ranks_before(&member, out_best)) {
            continue;
        }
        *out_url_hash = weir_arena_copy(arena, weir_dedup_pair_right(key));
        *out_best = member;
        out_best->url = weir_arena_copy(arena, member.url);
        out_best->content_hash = weir_arena_copy(arena, member.content_hash);
        found = true;
    }
}

/* Makes best the kept URL of the cluster, telling both it and the one before. */
static weir_status move_choice(weir_dedup_graph *self, const weir_dedup_message *message,
                               weir_dedup_cluster *cluster, weir_bytes best_url_hash,
                               const weir_dedup_member *best, weir_error *err)
{
    if (weir_bytes_equal(cluster->kept_url_hash, best_url_hash)) {
        return WEIR_OK;
    }
    if (cluster->kept_url_hash.data != NULL) {
        weir_dedup_member before;
        weir_status status = get_member(self, message->to, cluster->kept_url_hash, &before, err);
        if (status == WEIR_OK) {
            WEIR_TRY(decide_url(self, message, cluster->kept_url_hash, &before, false, err));
        } else if (status != WEIR_NOT_FOUND) {
            return status;
        }
    }
    cluster->kept_url_hash = best_url_hash;
    return decide_url(self, message, best_url_hash, best, true, err);
}

/* Chooses the kept URL anew after a change of the members, and writes the cluster. */
static weir_status choose(weir_dedup_graph *self, const weir_dedup_message *message,
                          weir_dedup_cluster *cluster, weir_error *err)
{
    weir_bytes best_url_hash = WEIR_BYTES_NULL;
    weir_dedup_member best = {0};
    weir_status status = find_best(self, message->to, &best_url_hash, &best, err);
    if (status == WEIR_NOT_FOUND) {
        cluster->kept_url_hash = WEIR_BYTES_NULL;
        return put_cluster(self, message, cluster, WEIR_BYTES_NULL, err);
    }
    WEIR_TRY(status);
    WEIR_TRY(move_choice(self, message, cluster, best_url_hash, &best, err));
    return put_cluster(self, message, cluster, best.url, err);
}

/* Writes the cluster, whose choice stays as it is. */
static weir_status put_with_kept(weir_dedup_graph *self, const weir_dedup_message *message,
                                 const weir_dedup_cluster *cluster, weir_error *err)
{
    weir_dedup_member kept = {0};
    if (cluster->kept_url_hash.data != NULL) {
        WEIR_TRY(get_kept(self, message->to, cluster, &kept, err));
    }
    return put_cluster(self, message, cluster, kept.url, err);
}

static weir_status put_member(weir_dedup_graph *self, const weir_dedup_message *message,
                              const weir_dedup_member *member, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    weir_dedup_pair_key(&key, message->to, message->url_hash);
    return weir_stage_put(self->members, member_binding(self), weir_buf_bytes(&key), member, err);
}

/* A member more: it is kept where it ranks before the one that is kept now. */
static weir_status add_member(weir_dedup_graph *self, const weir_dedup_message *message,
                              weir_dedup_cluster *cluster, const weir_dedup_member *member,
                              weir_error *err)
{
    cluster->url_count++;
    weir_dedup_member kept = {0};
    if (cluster->kept_url_hash.data != NULL) {
        WEIR_TRY(get_kept(self, message->to, cluster, &kept, err));
        if (!weir_dedup_ranks_before(member, &kept)) {
            WEIR_TRY(decide_url(self, message, message->url_hash, member, false, err));
            return put_cluster(self, message, cluster, kept.url, err);
        }
    }
    WEIR_TRY(move_choice(self, message, cluster, message->url_hash, member, err));
    return put_cluster(self, message, cluster, member->url, err);
}

weir_status weir_dedup_take_member(weir_dedup_graph *self, const weir_dedup_message *message,
                                   weir_error *err)
{
    weir_dedup_cluster cluster;
    WEIR_TRY(get_cluster(self, message->to, &cluster, err));
    weir_dedup_member before = {0};
    weir_status status = get_member(self, message->to, message->url_hash, &before, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    if (status == WEIR_OK && before.revision > message->revision) {
        return WEIR_OK;
    }
    weir_dedup_member member = {.url = message->url,
                                .content_hash = message->from,
                                .revision = message->revision,
                                .accepted = message->accepted,
                                .score = message->score};
    WEIR_TRY(put_member(self, message, &member, err));
    if (status == WEIR_NOT_FOUND) {
        return add_member(self, message, &cluster, &member, err);
    }
    bool was_kept = weir_bytes_equal(cluster.kept_url_hash, message->url_hash);
    WEIR_TRY(decide_url(self, message, message->url_hash, &member, was_kept, err));
    return choose(self, message, &cluster, err); /* Its rank may have risen or fallen. */
}

weir_status weir_dedup_take_unmember(weir_dedup_graph *self, const weir_dedup_message *message,
                                     weir_error *err)
{
    weir_dedup_cluster cluster;
    WEIR_TRY(get_cluster(self, message->to, &cluster, err));
    weir_dedup_member member;
    weir_status status = get_member(self, message->to, message->url_hash, &member, err);
    if (status == WEIR_NOT_FOUND ||
        (status == WEIR_OK && !weir_bytes_equal(member.content_hash, message->from))) {
        return WEIR_OK; /* Another content brought the URL here meanwhile. */
    }
    WEIR_TRY(status);
    WEIR_AUTO(weir_buf) key = {0};
    weir_dedup_pair_key(&key, message->to, message->url_hash);
    WEIR_TRY(weir_kv_remove(self->members, weir_buf_bytes(&key), err));
    cluster.url_count--;
    if (weir_bytes_equal(message->kind, WEIR_BYTES(DEDUP_DROP))) {
        WEIR_TRY(weir_dedup_decide(self,
                                   &(weir_text_decision){.kind = WEIR_BYTES(DECISION_URL),
                                                         .content_hash = message->from,
                                                         .cluster_id = message->to,
                                                         .revision = message->revision,
                                                         .url_hash = message->url_hash,
                                                         .url = member.url,
                                                         .removed = true,
                                                         .decided_at_ms = message->sent_at_ms},
                                   message->sent_at_ms, err));
    }
    if (weir_bytes_equal(cluster.kept_url_hash, message->url_hash)) {
        return choose(self, message, &cluster, err);
    }
    return put_with_kept(self, message, &cluster, err);
}

weir_status weir_dedup_take_documents(weir_dedup_graph *self, const weir_dedup_message *message,
                                      weir_error *err)
{
    weir_dedup_cluster cluster;
    WEIR_TRY(get_cluster(self, message->to, &cluster, err));
    cluster.document_count += message->document_count;
    return put_with_kept(self, message, &cluster, err);
}
