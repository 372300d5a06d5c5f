package dev.chancery.kubernetes;

import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.store.DatabaseAway;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import java.io.IOException;
import java.net.InetAddress;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns what answers requests into handlers, and writes every reply. Whatever is thrown becomes an
 * answer with errors here and nowhere else.
 */
final class Exchanges {
  /** Answers a request. */
  interface Answer {
    Reply reply(Context context) throws VaultProblem, Refused, TokenAway, IOException;
  }

  private static final Logger LOG = LoggerFactory.getLogger(Exchanges.class);

  /** Small: clients wait for so long within one call, and then give up soon. */
  private static final int RETRY_AFTER = 2;

  private Exchanges() {}

  static Handler open(Answer answer) {
    return context -> write(context, replyOrErrors(context, answer));
  }

  private static Reply replyOrErrors(Context context, Answer answer) {
    try {
      return answer.reply(context);
    } catch (VaultProblem e) {
      Reply reply = Reply.error(e.status(), e.text());
      return e.status() == 503 ? reply.withRetryAfter(RETRY_AFTER) : reply;
    } catch (Refused e) {
      return Reply.error(status(e), String.valueOf(e.getMessage()));
    } catch (TokenAway e) {
      LOG.warn("a request met an absent token: {}", e.getMessage());
      return outage("the signing key does not answer at the moment");
    } catch (DatabaseAway e) {
      LOG.warn("a request met an absent database", e);
      return outage("the server cannot work at the moment");
    } catch (IOException e) {
      return Reply.error(400, "the body cannot be read");
    } catch (RuntimeException e) {
      LOG.error("a request met a defect", e);
      return Reply.error(500, "internal error");
    }
  }

  private static Reply outage(String detail) {
    return Reply.error(503, detail).withRetryAfter(RETRY_AFTER);
  }

  private static int status(Refused refused) {
    return switch (refused.reason()) {
      case NOT_FOUND -> 404;
      case NOT_PERMITTED -> 403;
      case BAD_CSR,
          BAD_PUBLIC_KEY,
          REJECTED_NAME,
          NOT_OF_PROFILE,
          UNSUPPORTED_NAME,
          BAD_VALIDITY,
          ALREADY_REVOKED,
          BAD_REVOCATION_REASON ->
          400;
    };
  }

  private static void write(Context context, Reply reply) {
    context.status(reply.status()).header("Cache-Control", "no-store");
    reply.retryAfter().ifPresent(seconds -> context.header("Retry-After", seconds.toString()));
    // An answer without content has no type either, and not the one that Javalin gives by default.
    context.res().setContentType(reply.contentType().orElse(null));
    context.result(reply.content().bytes());
  }

  /** The token that a request shows. */
  static String token(Context context) throws VaultProblem {
    return Optional.ofNullable(context.header("X-Vault-Token"))
        .or(() ->
            Optional.ofNullable(context.header("Authorization"))
                .filter(value -> value.regionMatches(true, 0, "Bearer ", 0, 7))
                .map(value -> value.substring(7)))
        .map(String::strip)
        .orElseThrow(() -> VaultProblem.forbidden("missing client token"));
  }

  /** Where a request comes from: the peer of the connection. */
  static InetAddress peer(Context context) {
    return InetAddress.ofLiteral(context.req().getRemoteAddr().replaceAll("[\\[\\]]", ""));
  }
}
