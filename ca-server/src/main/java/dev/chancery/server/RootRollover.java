package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.IssuerSuccessions.Succession;
import dev.chancery.store.RootRollovers;
import dev.chancery.store.RootRollovers.CrossCertificates;
import dev.chancery.store.RootRollovers.Rollover;
import dev.chancery.store.RootRollovers.Root;
import dev.chancery.store.RootRollovers.State;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * The change from one root to another, as a state machine in the database (docs/root-rotation.md):
 * each step says what it waits for, and is refused while it does.
 */
final class RootRollover {
  /** What the rules stand on. */
  record Foundations(
      RootRollovers rollovers,
      IssuerSuccessions successions,
      RootNames names,
      IssuerChange issuers,
      ServedIssuers served,
      TrustView view) {}

  /**
   * What the operator has decided.
   *
   * @param coming the root that is to take the place of one of them
   * @param first the issuer of the default endpoint
   * @param publishedFor how long both roots are given to clients before anything relies on the new
   * @param longest how long a certificate can live that is issued now: its chain is to lead to both
   *     roots to its end
   */
  record Settings(
      Optional<X509CertificateHolder> coming,
      IssuerId first,
      Duration publishedFor,
      Duration longest) {}

  private final Foundations on;
  private final Settings settings;
  private final Clock clock;
  private final RolloverNumbers counted;
  private final CrossSigning crossing;

  RootRollover(Foundations on, Settings settings, Clock clock) {
    this.on = on;
    this.settings = settings;
    this.clock = clock;
    this.counted = new RolloverNumbers(on.successions(), on.issuers(), on.served());
    this.crossing = new CrossSigning(on.served(), settings, clock);
  }

  /** The rollover in progress, or the last one that was. */
  Optional<Rollover> last() {
    List<Rollover> all = on.view().look().rollovers();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
  }

  Duration publishedFor() {
    return settings.publishedFor();
  }

  /** What the next step waits for; empty when it can be taken. */
  Optional<String> waitsFor() {
    Optional<Rollover> current = on.view().look().inProgress();
    if (current.isEmpty()) {
      return unprepared();
    }
    Rollover rollover = current.get();
    return switch (rollover.state()) {
      case PREPARED -> Optional.empty();
      case PUBLISHED ->
          Optional.of(
              "the cross-certificates of a ceremony with each root: chancery rollover cross-sign");
      case CROSS_SIGNED -> unswitched(rollover, successors(rollover, Map.of()));
      case SWITCHED -> unretired(rollover);
      case RETIRED -> Optional.empty();
    };
  }

  /** How many certificates are alive on either side of a rollover. */
  RolloverNumbers.Numbers numbers(Rollover rollover) {
    return counted.of(rollover);
  }

  private List<IssuerId> old(Rollover rollover) {
    return counted.old(rollover);
  }

  /** Begins: the new root is known, and clients are not given it. */
  Rollover prepare(UUID id, String by) throws TooEarly, Refused {
    Optional<String> obstacle = unprepared();
    if (obstacle.isPresent()) {
      throw new TooEarly(obstacle.get());
    }
    X509CertificateHolder before = current().orElseThrow();
    X509CertificateHolder after = settings.coming().orElseThrow();
    Root oldRoot = new Root(on.names().register(before), encoded(before));
    Root newRoot = new Root(on.names().register(after), encoded(after));
    if (!on.rollovers().prepare(id, oldRoot, newRoot, by)) {
      throw overtaken();
    }
    return taken();
  }

  private Optional<X509CertificateHolder> current() {
    return on.served().root(on.view().now().active(settings.first()));
  }

  private Optional<String> unprepared() {
    if (on.view().look().inProgress().isPresent()) {
      return Optional.of("a rollover is in progress: chancery rollover status");
    }
    if (settings.coming().isEmpty()) {
      return Optional.of("rollover.root of chancery.yaml names no root that is to come");
    }
    Optional<X509CertificateHolder> current = current();
    if (current.isEmpty()) {
      return Optional.of("the issuer of the default endpoint is below no root that is known here");
    }
    X509CertificateHolder coming = settings.coming().get();
    if (on.view().now().bundle().roots().contains(coming)) {
      return Optional.of(
          "the root " + coming.getSubject() + " of rollover.root is one that clients have already");
    }
    if (coming.getSubject().equals(current.get().getSubject())
        || coming.getSubjectPublicKeyInfo().equals(current.get().getSubjectPublicKeyInfo())) {
      return Optional.of("the new root needs another name and another key than the old one");
    }
    return Optional.empty();
  }

  /** Has clients be given both roots. */
  Rollover publish(String by) throws TooEarly {
    Rollover rollover = at(State.PREPARED);
    if (!on.rollovers().publish(rollover, by)) {
      throw overtaken();
    }
    return taken();
  }

  /**
   * Takes the cross-certificates, with which every chain leads to both roots; or, until the old
   * root is retired, others in their place.
   */
  Rollover crossSign(X509CertificateHolder oldByNew, X509CertificateHolder newByOld, String by)
      throws TooEarly, Refused {
    Rollover rollover = inProgress();
    if (rollover.state() == State.PREPARED) {
      throw outOfTurn(rollover, State.PUBLISHED);
    }
    crossing.require(rollover, numbers(rollover), oldByNew, newByOld);
    CrossCertificates certificates = new CrossCertificates(encoded(oldByNew), encoded(newByOld));
    if (!on.rollovers().crossSign(rollover, certificates, by)) {
      throw overtaken();
    }
    return taken();
  }

  /**
   * Has issuers below the new root sign in the place of those below the old one.
   *
   * @param wanted who takes whose place; an issuer that is not named has the only one that can
   * @throws TokenAway when a key of the new ones does not sign
   */
  Rollover switchOver(Map<IssuerId, IssuerId> wanted, String by)
      throws TooEarly, Refused, TokenAway {
    Rollover rollover = at(State.CROSS_SIGNED);
    List<IssuerId> below = on.served().below(newRoot(rollover));
    for (Map.Entry<IssuerId, IssuerId> pair : wanted.entrySet()) {
      if (!active(rollover).contains(pair.getKey())) {
        throw JsonBody.bad("no issuer " + pair.getKey() + " signs that may be below the old root");
      }
      if (!below.contains(pair.getValue())) {
        throw JsonBody.bad("no issuer " + pair.getValue() + " below the new root is served here");
      }
    }
    Map<IssuerId, IssuerId> successors = successors(rollover, wanted);
    Optional<String> obstacle = unswitched(rollover, successors);
    if (obstacle.isPresent()) {
      throw new TooEarly(obstacle.get());
    }
    for (IssuerId successor : successors.values()) {
      on.issuers().requireReady(successor);
    }
    if (!on.rollovers().switchOver(rollover, successors, by)) {
      throw overtaken();
    }
    return taken();
  }

  /** The issuers that may be below the old root and sign for themselves. */
  private List<IssuerId> active(Rollover rollover) {
    Map<IssuerId, Succession> replaced = on.view().now().successions();
    return old(rollover).stream().filter(name -> !replaced.containsKey(name)).toList();
  }

  private Map<IssuerId, IssuerId> successors(Rollover rollover, Map<IssuerId, IssuerId> wanted) {
    Map<IssuerId, IssuerId> successors = new TreeMap<>(wanted);
    List<IssuerId> below = on.served().below(newRoot(rollover));
    if (below.size() == 1) {
      // Of one that is not served here nobody knows the root: it has the successor that it is
      // given.
      active(rollover).stream()
          .filter(name -> on.served().root(name).isPresent())
          .forEach(name -> successors.putIfAbsent(name, below.getFirst()));
    }
    return successors;
  }

  private Optional<String> unswitched(Rollover rollover, Map<IssuerId, IssuerId> successors) {
    Instant since = rollover.publishedAt().orElseThrow();
    Instant from = since.plus(settings.publishedFor());
    Instant now = clock.instant();
    if (now.isBefore(from)) {
      return Optional.of(
          "both roots have been in the bundle since %s, for %s; rollover.publishedFor wants %s, until %s"
              .formatted(
                  since, rounded(Duration.between(since, now)), settings.publishedFor(), from));
    }
    Optional<String> ending = crossing.ending(rollover);
    if (ending.isPresent()) {
      return ending.map(why -> why + ": chancery rollover cross-sign takes longer ones");
    }
    List<IssuerId> without =
        active(rollover).stream().filter(name -> !successors.containsKey(name)).toList();
    List<IssuerId> below = on.served().below(newRoot(rollover));
    if (!without.isEmpty()) {
      return Optional.of(
          ("%d issuers that may be below the old root (%s) have no successor; below the new root"
                  + " are %d (%s): chancery rollover switch --issuer OLD=NEW")
              .formatted(without.size(), joined(without), below.size(), joined(below)));
    }
    return Optional.empty();
  }

  /** Has clients be given the new root alone. */
  Rollover retire(String by) throws TooEarly {
    Rollover rollover = at(State.SWITCHED);
    Optional<String> obstacle = unretired(rollover);
    if (obstacle.isPresent()) {
      throw new TooEarly(obstacle.get());
    }
    if (!on.rollovers().retire(rollover, by)) {
      throw overtaken();
    }
    return taken();
  }

  private Optional<String> unretired(Rollover rollover) {
    RolloverNumbers.Numbers numbers = numbers(rollover);
    if (numbers.belowOld() > 0) {
      return Optional.of(
          ("%d live certificates are below the old root, the last until %s; of %d of them the chain"
                  + " leads only there")
              .formatted(
                  numbers.belowOld(),
                  numbers.oldUntil().map(Object::toString).orElse("-"),
                  numbers.onlyOld()));
    }
    Map<IssuerId, Succession> replaced = on.view().look().successions();
    List<IssuerId> left =
        old(rollover).stream()
            .filter(name ->
                Optional.ofNullable(replaced.get(name)).flatMap(Succession::retiredAt).isEmpty())
            .toList();
    return left.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "%d issuers below the old root are not retired: chancery issuer retire %s"
                .formatted(left.size(), joined(left)));
  }

  /** Gives the rollover up; possible until it is switched. */
  void abandon(String by) throws TooEarly {
    Rollover rollover =
        on.view().look().inProgress().orElseThrow(() -> new TooEarly("no rollover is in progress"));
    long below = numbers(rollover).belowNew();
    if (below > 0) {
      throw new TooEarly(
          "%d live certificates are below the new root: a rollover is given up before that only"
              .formatted(below));
    }
    if (!on.rollovers().abandon(rollover, by)) {
      throw new TooEarly(
          "certificates are issued below the new root: a rollover is given up before that only");
    }
    on.issuers().changed();
  }

  private Rollover inProgress() throws TooEarly {
    return on.view()
        .look()
        .inProgress()
        .orElseThrow(() -> new TooEarly("no rollover is in progress: chancery rollover prepare"));
  }

  private Rollover at(State state) throws TooEarly {
    Rollover rollover = inProgress();
    if (rollover.state() != state) {
      throw outOfTurn(rollover, state);
    }
    return rollover;
  }

  private static TooEarly outOfTurn(Rollover rollover, State before) {
    return new TooEarly(
        "the rollover is %s, and this step follows %s"
            .formatted(rollover.state().text(), before.text()));
  }

  private Rollover taken() {
    on.issuers().changed();
    return last().orElseThrow();
  }

  private static TooEarly overtaken() {
    return new TooEarly("another has changed the rollover at the same time: see its status");
  }

  static X509CertificateHolder oldRoot(Rollover rollover) {
    return TrustView.decoded(rollover.oldRoot().certificate());
  }

  static X509CertificateHolder newRoot(Rollover rollover) {
    return TrustView.decoded(rollover.newRoot().certificate());
  }

  private static Duration rounded(Duration duration) {
    return Duration.ofSeconds(duration.toSeconds());
  }

  private static String joined(List<IssuerId> names) {
    return names.isEmpty()
        ? "none"
        : String.join(", ", names.stream().map(IssuerId::value).toList());
  }

  private static Der encoded(X509CertificateHolder certificate) {
    try {
      return Der.of(certificate.getEncoded());
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }

  /** The longest life that profiles give; those of CAs are made for decades, and counted alone. */
  static Duration longest(Collection<Profile> profiles) {
    return profiles.stream()
        .filter(profile -> !(profile.constraint() instanceof Profile.Constraint.Authority))
        .map(profile -> profile.validity().longest())
        .max(Duration::compareTo)
        .orElse(Duration.ZERO);
  }

  /** The root of a file that is to come. */
  static Optional<X509CertificateHolder> coming(Optional<Path> file, Clock clock)
      throws ConfigurationInvalid {
    if (file.isEmpty()) {
      return Optional.empty();
    }
    List<X509CertificateHolder> roots =
        TrustBundle.readValid(List.of(file.get()), clock.instant()).roots();
    X509CertificateHolder root = roots.getFirst();
    if (roots.size() != 1 || !root.getSubject().equals(root.getIssuer())) {
      throw new ConfigurationInvalid(file.get() + ": is to hold one root, signed by itself");
    }
    return Optional.of(root);
  }
}
