package dev.chancery.acme;

import dev.chancery.acme.CaaRecords.Question;
import dev.chancery.core.AccountId;
import dev.chancery.core.DnsName;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Heeds CAA at the endpoints that are set to: once when a name is proven, so that a client hears
 * early what stands against it, and again right before a certificate is made, whatever was found
 * before. IP addresses have no CAA.
 */
final class CaaPermission {
  /** What a record's validationmethods calls names that a binding key authorized. */
  static final String BY_BINDING_KEY = "ca-binding-key";

  private static final Logger LOG = LoggerFactory.getLogger(CaaPermission.class);
  private static final Duration ONE_ORDER = Duration.ofSeconds(10);
  private static final int RETRY_AFTER_OUTAGE = 10;

  private final Caa caa;
  private final Authorizations authorizations;

  CaaPermission(Caa caa, Authorizations authorizations) {
    this.caa = caa;
    this.authorizations = authorizations;
  }

  /** The same challenge, met only where CAA does not forbid what it proves. */
  Validator heeding(ChallengeKind kind, Validator validator) {
    return attempt -> {
      Validator.Outcome outcome = validator.attempt(attempt);
      return outcome instanceof Validator.Outcome.Met
              && attempt.urls().endpoint().heedsCaa()
              && attempt.name() instanceof DnsName name
          ? heeded(outcome, question(name, attempt.urls(), attempt.account(), kind.type()), attempt)
          : outcome;
    };
  }

  private Validator.Outcome heeded(
      Validator.Outcome met, Question question, Validator.Attempt attempt) {
    return switch (Objects.requireNonNull(
        caa.ask(List.of(question), attempt.deadline()).get(question))) {
      case Caa.Finding.Permitted(String seen) -> {
        LOG.info("{} was proven; {}", question.name().value(), seen);
        yield met;
      }
      case Caa.Finding.Forbidden(String why) ->
          new Validator.Outcome.NotMet(Problem.of(AcmeError.CAA, why), true);
      case Caa.Finding.Unknown(String why) -> Validator.Outcome.NotMet.unknown(AcmeError.DNS, why);
    };
  }

  /**
   * Lets an order pass whose names may all be certified now.
   *
   * @throws AcmeProblem caa for the names that may not; when that cannot be found out, an outage
   *     with the time after which to ask again
   */
  void require(AcmeUrls urls, Order.Details order) throws AcmeProblem {
    if (!urls.endpoint().heedsCaa()) {
      return;
    }
    List<Question> questions = new ArrayList<>();
    for (Order.Item item : order.items()) {
      if (item.name() instanceof DnsName name) {
        questions.add(question(name, urls, order.account(), method(order, item)));
      }
    }
    List<Problem.Subproblem> forbidden = new ArrayList<>();
    Optional<String> outage = Optional.empty();
    for (Map.Entry<Question, Caa.Finding> found :
        caa.ask(questions, Deadline.in(ONE_ORDER)).entrySet()) {
      String name = found.getKey().name().value();
      switch (found.getValue()) {
        case Caa.Finding.Permitted(String seen) ->
            LOG.info("order {}: {} may be certified; {}", order.id(), name, seen);
        case Caa.Finding.Forbidden(String why) ->
            forbidden.add(
                new Problem.Subproblem(
                    AcmeError.CAA, why, Identifiers.json(Identifiers.DNS, name)));
        case Caa.Finding.Unknown(String why) -> outage = Optional.of(why);
      }
    }
    if (!forbidden.isEmpty()) {
      throw new AcmeProblem(Problem.ofIdentifiers(forbidden));
    }
    if (outage.isPresent()) {
      throw new AcmeProblem(AcmeError.UNAVAILABLE, outage.get()).retryAfter(RETRY_AFTER_OUTAGE);
    }
  }

  /** The challenge that proved the name; without one, a binding key authorized it. */
  private String method(Order.Details order, Order.Item item) {
    return authorizations
        .find(order.account(), item.authorization())
        .flatMap(authorization ->
            authorization.challenges().stream()
                .filter(challenge -> challenge.state() instanceof Challenge.State.Valid)
                .findFirst())
        .map(challenge -> challenge.kind().type())
        .orElse(BY_BINDING_KEY);
  }

  private static Question question(DnsName name, AcmeUrls urls, AccountId account, String method) {
    Set<String> identities =
        urls.endpoint().caaIdentities().stream()
            .map(DnsName::value)
            .collect(Collectors.toUnmodifiableSet());
    return new Question(name, identities, urls.account(account), method);
  }
}
