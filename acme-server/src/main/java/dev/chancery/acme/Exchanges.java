package dev.chancery.acme;

import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseAway;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns what answers requests into handlers, and writes every reply. Whatever is thrown becomes a
 * problem document here and nowhere else.
 */
final class Exchanges {
  /** Answers a signed request. */
  interface SignedAnswer<R> {
    Reply reply(R request) throws AcmeProblem, Refused, TokenAway;
  }

  /** Answers a request that needs no signature. */
  interface OpenAnswer {
    Reply reply(AcmeUrls urls, Context context) throws AcmeProblem, Refused, TokenAway;
  }

  private static final Logger LOG = LoggerFactory.getLogger(Exchanges.class);
  private static final int RETRY_AFTER_OUTAGE = 10;

  private final Database database;
  private final Map<String, AcmeUrls> endpoints;
  private final SignedRequests requests;
  private final Nonces nonces;

  Exchanges(
      Database database, List<AcmeEndpoint> endpoints, SignedRequests requests, Nonces nonces) {
    this.database = database;
    this.endpoints =
        endpoints.stream().collect(Collectors.toUnmodifiableMap(AcmeEndpoint::name, AcmeUrls::new));
    this.requests = requests;
    this.nonces = nonces;
  }

  /** Answers what an account signed. */
  Handler byAccount(SignedAnswer<SignedRequests.SignedRequest.ByAccount> answer) {
    return open(signedByAccount(answer));
  }

  /** Answers what an account of the endpoint named default signed. */
  Handler byAccountAtDefault(SignedAnswer<SignedRequests.SignedRequest.ByAccount> answer) {
    return openAtDefault(signedByAccount(answer));
  }

  private OpenAnswer signedByAccount(SignedAnswer<SignedRequests.SignedRequest.ByAccount> answer) {
    return (urls, context) ->
        switch (requests.authenticate(urls, context)) {
          case SignedRequests.SignedRequest.ByAccount byAccount -> answer.reply(byAccount);
          case SignedRequests.SignedRequest.ByKey byKey ->
              throw AcmeProblem.malformed("this request must name its account by kid");
        };
  }

  /** Answers what a key signed that stands in the request. */
  Handler byKey(SignedAnswer<SignedRequests.SignedRequest.ByKey> answer) {
    return signed(request ->
        switch (request) {
          case SignedRequests.SignedRequest.ByKey byKey -> answer.reply(byKey);
          case SignedRequests.SignedRequest.ByAccount byAccount ->
              throw AcmeProblem.malformed("this request must carry its key as jwk");
        });
  }

  Handler signed(SignedAnswer<SignedRequests.SignedRequest> answer) {
    return open((urls, context) -> answer.reply(requests.authenticate(urls, context)));
  }

  /** Answers at the endpoint that the path names. */
  Handler open(OpenAnswer answer) {
    return at(context -> Optional.ofNullable(endpoints.get(context.pathParam("endpoint"))), answer);
  }

  /** Answers at the endpoint named default. */
  Handler openAtDefault(OpenAnswer answer) {
    return at(context -> Optional.ofNullable(endpoints.get(AcmeEndpoint.DEFAULT)), answer);
  }

  /** Answers where there is no resource, or none for this method; no endpoint need be there. */
  Handler nowhere(AcmeError error, String detail) {
    return context ->
        write(context, endpointAbove(context.path()), Reply.problem(Problem.of(error, detail)));
  }

  /** From the path itself: the route of what is not found has no part for the endpoint. */
  private Optional<AcmeUrls> endpointAbove(String path) {
    String[] parts = path.split("/", 4);
    return parts.length < 3 ? Optional.empty() : Optional.ofNullable(endpoints.get(parts[2]));
  }

  private Handler at(Function<Context, Optional<AcmeUrls>> which, OpenAnswer answer) {
    return context -> {
      Optional<AcmeUrls> urls = which.apply(context);
      Reply reply =
          urls.isPresent()
              ? reply(urls.get(), context, answer)
              : Reply.problem(Problem.of(AcmeError.NOT_FOUND, "there is no such ACME endpoint"));
      write(context, urls, reply);
    };
  }

  /** Only this leaves the process, so it is early enough to wait for all commits before it. */
  private Reply reply(AcmeUrls urls, Context context, OpenAnswer answer) {
    try {
      return database.waitingOnce(() -> replyOrProblem(urls, context, answer));
    } catch (DatabaseAway e) {
      LOG.warn("a request met an absent database", e);
      return outage("the server cannot work at the moment");
    } catch (RuntimeException e) {
      LOG.error("a request met a defect", e);
      return Reply.problem(Problem.of(AcmeError.SERVER_INTERNAL, "internal error"));
    }
  }

  private static Reply replyOrProblem(AcmeUrls urls, Context context, OpenAnswer answer) {
    try {
      return answer.reply(urls, context);
    } catch (AcmeProblem e) {
      Reply problem = Reply.problem(e.problem());
      Reply located = e.location().map(problem::withLocation).orElse(problem);
      Reply linked =
          e.problem()
              .terms()
              .map(terms -> located.withLink(terms.toString(), "terms-of-service"))
              .orElse(located);
      return e.retryAfter().map(linked::withRetryAfter).orElse(linked);
    } catch (Refused e) {
      return Reply.problem(Problem.of(e));
    } catch (TokenAway e) {
      LOG.warn("a request met an absent token: {}", e.getMessage());
      return outage("the signing key does not answer at the moment");
    }
  }

  private static Reply outage(String detail) {
    return Reply.problem(Problem.of(AcmeError.UNAVAILABLE, detail))
        .withRetryAfter(RETRY_AFTER_OUTAGE);
  }

  private void write(Context context, Optional<AcmeUrls> urls, Reply reply) {
    context.status(reply.status());
    // RFC 8555 section 6.5: every answer to a POST carries a nonce, errors too.
    if (context.method().equals(HandlerType.POST)) {
      context.header("Replay-Nonce", nonces.fresh());
    }
    if (reply.headers().stream().noneMatch(header -> header.name().equals("Cache-Control"))) {
      context.header("Cache-Control", "no-store");
    }
    // RFC 8555 section 7.1: every resource but the directory links to it.
    if (urls.isPresent() && !context.path().endsWith("/directory")) {
      addHeader(context, "Link", "<" + urls.get().directory() + ">;rel=\"index\"");
    }
    reply.headers().forEach(header -> addHeader(context, header.name(), header.value()));
    // An answer without content has no type either, and not the one that Javalin gives by default.
    context.res().setContentType(reply.contentType().orElse(null));
    context.result(reply.content());
  }

  private static void addHeader(Context context, String name, String value) {
    context.res().addHeader(name, value);
  }
}
