package dev.chancery.acme;

import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.ResolverConfig;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.dnssec.ValidatingResolver;
import org.xbill.DNS.lookup.LookupResult;
import org.xbill.DNS.lookup.LookupSession;
import org.xbill.DNS.lookup.NoSuchDomainException;
import org.xbill.DNS.lookup.NoSuchRRSetException;
import org.xbill.DNS.lookup.RedirectLoopException;
import org.xbill.DNS.lookup.RedirectOverflowException;

/**
 * Asks resolvers, over UDP with EDNS and, when an answer is cut off, over TCP. CNAMEs are followed;
 * there are no search domains, no hosts file and no cache, so that each question sees what the
 * resolvers know at that moment. A resolver that fails is no answer: the next one is asked.
 */
final class Dns {
  private static final Logger LOG = LoggerFactory.getLogger(Dns.class);
  private static final Duration ONE_TRY = Duration.ofSeconds(2);
  private static final int ROUNDS = 2;
  private static final int MOST_ALIASES = 8;

  private final List<LookupSession> sessions = new ArrayList<>();

  /**
   * @param resolvers in the order in which they are asked; none means the system's as they are now
   * @param anchors when present, answers are validated (RFC 4035): one that should have a signature
   *     and has none that is right counts as no answer
   */
  Dns(List<InetSocketAddress> resolvers, Optional<DnsTrustAnchors> anchors, Clock clock) {
    for (InetSocketAddress address :
        resolvers.isEmpty() ? ResolverConfig.getCurrentConfig().servers() : resolvers) {
      SimpleResolver simple = new SimpleResolver(address);
      simple.setTimeout(ONE_TRY);
      Resolver resolver = simple;
      if (anchors.isPresent()) {
        ValidatingResolver validating = new ValidatingResolver(simple, clock);
        anchors.get().storeIn(validating.getTrustAnchors());
        resolver = validating;
      }
      // The library's limit is the first number of aliases that it refuses.
      sessions.add(
          LookupSession.builder().resolver(resolver).maxRedirects(MOST_ALIASES + 1).build());
    }
  }

  /** What came of a question. */
  sealed interface Answer {
    /** At least one record. */
    record Found(List<Record> records) implements Answer {}

    /**
     * NXDOMAIN.
     *
     * @param name the one that was asked for, or the one that its aliases lead to
     */
    record NoSuchName(String name) implements Answer {}

    /** The name is there, without records of the type. */
    record NoSuchRecord(String name) implements Answer {}

    /** Aliases that lead in a circle or too far. */
    record Astray(String why) implements Answer {}

    /** No resolver knew: says nothing about the name. */
    record Outage(String why) implements Answer {}
  }

  /** A question that is under way. */
  static final class Question {
    private final CompletableFuture<Answer> answer;

    private Question(CompletableFuture<Answer> answer) {
      this.answer = answer;
    }

    /** The answer, at the latest at the question's deadline. */
    Answer await() {
      try {
        return answer.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return new Answer.Outage("the question was broken off");
      } catch (ExecutionException e) {
        throw new IllegalStateException("every failure is an answer", e);
      }
    }
  }

  Question ask(Name name, int type, Deadline deadline) {
    return new Question(
        ask(name, type, deadline, 0)
            .completeOnTimeout(
                new Answer.Outage("no answer in time"),
                Math.max(0, deadline.nanosLeft()),
                TimeUnit.NANOSECONDS));
  }

  private CompletableFuture<Answer> ask(Name name, int type, Deadline deadline, int asked) {
    return sessions
        .get(asked % sessions.size())
        .lookupAsync(name, type)
        .handle((result, failure) -> answer(name, result, failure))
        .thenCompose(answer ->
            answer instanceof Answer.Outage
                    && asked + 1 < ROUNDS * sessions.size()
                    && !deadline.isOver()
                ? ask(name, type, deadline, asked + 1)
                : CompletableFuture.completedFuture(answer))
        .toCompletableFuture();
  }

  private static Answer answer(
      Name name, @Nullable LookupResult result, @Nullable Throwable failure) {
    if (result != null) {
      return result.getRecords().isEmpty()
          ? new Answer.NoSuchRecord(text(name))
          : new Answer.Found(result.getRecords());
    }
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return switch (cause) {
      case NoSuchDomainException none -> new Answer.NoSuchName(text(none.getName()));
      case NoSuchRRSetException none -> new Answer.NoSuchRecord(text(none.getName()));
      case RedirectLoopException circle -> new Answer.Astray("its aliases lead in a circle");
      case RedirectOverflowException far ->
          new Answer.Astray("it leads through more than " + MOST_ALIASES + " aliases");
      case null, default -> {
        LOG.debug("no answer for {}", name, cause);
        yield new Answer.Outage("no resolver gave an answer");
      }
    };
  }

  private static String text(Name name) {
    return Seen.printable(name.toString(true));
  }
}
