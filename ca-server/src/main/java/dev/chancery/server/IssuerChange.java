package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.IssuerSuccessions.Alive;
import dev.chancery.store.IssuerSuccessions.Done;
import dev.chancery.store.IssuerSuccessions.InUse;
import dev.chancery.store.IssuerSuccessions.Live;
import dev.chancery.store.IssuerSuccessions.Outcome;
import dev.chancery.store.IssuerSuccessions.Replaced;
import dev.chancery.store.IssuerSuccessions.Retired;
import dev.chancery.store.IssuerSuccessions.UnderWay;
import dev.chancery.store.RootRollovers;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * Puts one issuer in the place of another, and has one never sign again, when it is time for it;
 * the refusals say the numbers.
 */
final class IssuerChange {
  private final ServedIssuers served;
  private final IssuerRegistry registry;
  private final IssuerSuccessions successions;
  private final TrustView view;
  private final Runnable afterwards;

  /**
   * Changes of issuers.
   *
   * @param afterwards called when another issuer signs than before
   */
  IssuerChange(
      ServedIssuers served,
      IssuerRegistry registry,
      IssuerSuccessions successions,
      TrustView view,
      Runnable afterwards) {
    this.served = served;
    this.registry = registry;
    this.successions = successions;
    this.view = view;
    this.afterwards = afterwards;
  }

  /** Every issuer that the ledgers know, roots included. */
  List<IssuerId> all() {
    return registry.all();
  }

  /** The live certificates of all of them, without the server's own. */
  Map<IssuerId, Live> live() {
    return successions.live(all());
  }

  /**
   * Has an issuer sign in the place of another.
   *
   * @throws TooEarly when one of them is in no state for it
   * @throws TokenAway when the key of the new one does not sign
   */
  void activate(IssuerId name, IssuerId instead, String by) throws Refused, TooEarly, TokenAway {
    if (name.equals(instead)) {
      throw new TooEarly("issuer " + name + " is the one that signs");
    }
    if (!all().contains(instead) || RootNames.isRoot(instead)) {
      throw new Refused(Reason.NOT_FOUND, "there is no issuer " + instead + " to be replaced");
    }
    requireReady(name);
    requireSameRoot(name, instead);
    Outcome outcome = successions.activate(name, instead, by);
    if (!(outcome instanceof Done)) {
      throw new TooEarly(why(outcome, outcome instanceof Replaced ? instead : name));
    }
    changed();
  }

  /** Refuses an issuer that cannot sign here and now. */
  void requireReady(IssuerId name) throws TooEarly, TokenAway {
    if (!served.names().contains(name)) {
      throw new TooEarly(
          "issuer "
              + name
              + " is not served here: it needs its certificate (chancery issuer import), and the"
              + " server a start after that");
    }
    served.probe(name);
  }

  private void requireSameRoot(IssuerId name, IssuerId instead) throws TooEarly {
    Optional<X509CertificateHolder> above = served.root(name);
    if (!served.names().contains(instead)) {
      // Where there is one root, everything is below it, and once a rollover is switched everything
      // goes to the new one; else nobody here knows.
      TrustView.Snapshot now = view.look();
      boolean switched =
          now.inProgress()
              .filter(rollover -> rollover.state() == RootRollovers.State.SWITCHED)
              .filter(rollover -> above.equals(Optional.of(RootRollover.newRoot(rollover))))
              .isPresent();
      if (!switched && !above.map(List::of).equals(Optional.of(now.bundle().roots()))) {
        throw new TooEarly(
            ("issuer %s is not served here, so that it is not known which root it is below: a node"
                    + " that serves both issuers is to be asked")
                .formatted(instead));
      }
      return;
    }
    if (!above.equals(served.root(instead))) {
      throw new TooEarly(
          "issuer "
              + name
              + " is below another root than "
              + instead
              + ": that is a rollover of the root (chancery rollover status)");
    }
  }

  /**
   * Has a replaced issuer never sign again. Its OCSP answers and CRLs go on ({@link
   * RetiredIssuers}).
   *
   * @throws TooEarly while it has live certificates, or orders go to it
   */
  void retire(IssuerId name, String by) throws TooEarly, Refused {
    if (RootNames.isRoot(name)) {
      throw new Refused(Reason.NOT_PERMITTED, name + " is a root: chancery rollover retire");
    }
    Outcome outcome = successions.retire(name, by);
    if (!(outcome instanceof Done)) {
      throw new TooEarly(why(outcome, name));
    }
    changed();
  }

  /** Has everything here go by what was changed. */
  void changed() {
    TrustView.Snapshot _ = view.look();
    afterwards.run();
  }

  private static String why(Outcome outcome, IssuerId issuer) {
    return switch (outcome) {
      case Done() -> throw new IllegalArgumentException("it was done");
      case Replaced(IssuerId successor) ->
          "issuer " + issuer + " was replaced already, by " + successor;
      case Retired() -> "issuer " + issuer + " is retired";
      case InUse() ->
          "issuer " + issuer + " still signs: chancery issuer activate puts another in its place";
      case UnderWay(var until) ->
          "what was begun under issuer " + issuer + " may be under way until " + until;
      case Alive(Live(long number, var until)) ->
          "issuer %s has %d live certificates, the last of which ends at %s"
              .formatted(issuer, number, until.map(Object::toString).orElse("-"));
    };
  }
}
