package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.StringReader;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.PEMParser;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Clients that go by renewal information (RFC 9773) are moved from one issuer to the next, and from
 * one root to the next, at the pace that an operator gives; the step that waits for them says how
 * many are left, until none is.
 */
@DisplayName("Early renewal in a rollover")
class RenewalPaceIT {
  private static final int CLIENTS = 6;

  /** One in two seconds, so that all of them take twelve. */
  private static final int PER_HOUR = 1800;

  private static final Duration SPAN = Duration.ofSeconds(CLIENTS * 3600L / PER_HOUR);

  @TempDir Path folder;
  private RolloverScene scene;

  /** A certificate as its client has it. */
  private record Held(String serial, String identifier) {
    static Held of(AcmeOrder.Issued issued) throws Exception {
      X509CertificateHolder leaf;
      try (PEMParser parser = new PEMParser(new StringReader(issued.chain()))) {
        leaf = (X509CertificateHolder) parser.readObject();
      }
      BigInteger serial = leaf.getSerialNumber();
      Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
      String key =
          base64.encodeToString(
              AuthorityKeyIdentifier.fromExtensions(leaf.getExtensions()).getKeyIdentifierOctets());
      return new Held(serial.toString(16), key + "." + base64.encodeToString(serial.toByteArray()));
    }
  }

  /** What an operator is told of those that have not moved. */
  private interface Left {
    void are(int number) throws Exception;
  }

  @Test
  @DisplayName("moves all clients at its pace, and the next step is taken when none is left")
  void paced() throws Exception {
    try (RolloverScene opened = RolloverScene.ofOneNode(folder)) {
      scene = opened;
      List<Held> held = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        held.add(Held.of(AcmeOrder.obtain(scene.acme(), AcmeKey.pairOfKeys(), RunningServer.NAME)));
      }

      // 1. From an issuer to another one below the same root.
      scene.chancery("issuer", "activate", "sibling", "--instead-of", "web").requireDone();
      scene.longerAgo("issuer_successions", "replaced_at", Duration.ofMinutes(1));
      held =
          moved(
              "web",
              held,
              left ->
                  refused(
                      "issuer web has %d live certificates".formatted(left),
                      "issuer",
                      "retire",
                      "web"));
      scene.chancery("issuer", "retire", "web").requireDone();

      // 2. From a root to the next one.
      scene.json("rollover", "prepare");
      scene.json("rollover", "publish");
      Path oldByNew = TestRoot.write(folder.resolve("a.pem"), scene.newRoot.certify(scene.oldRoot));
      Path newByOld = TestRoot.write(folder.resolve("b.pem"), scene.oldRoot.certify(scene.newRoot));
      scene.json("rollover", "cross-sign", "--old-by-new=" + oldByNew, "--new-by-old=" + newByOld);
      scene.longerAgo("root_rollovers", "published_at", RolloverScene.PUBLISHED_FOR);
      scene.json("rollover", "switch");
      assertThat(
              moved(
                  "sibling",
                  held,
                  left -> {
                    assertThat(scene.json("rollover", "status").path("liveOnlyToOldRoot").asInt())
                        .isEqualTo(left);
                    refused(
                        "%d live certificates are below the old root".formatted(left),
                        "rollover",
                        "retire");
                  }))
          .hasSize(CLIENTS);
      JsonNode status = scene.json("rollover", "status");
      assertThat(status.path("liveOnlyToOldRoot").asInt()).isZero();
      assertThat(status.path("liveBelowNewRoot").asInt()).isEqualTo(CLIENTS);
      refused("1 issuers below the old root are not retired", "rollover", "retire");
      scene.longerAgo("issuer_successions", "replaced_at", Duration.ofMinutes(1));
      scene.chancery("issuer", "retire", "sibling").requireDone();
      assertThat(scene.json("rollover", "retire").path("state").asText()).isEqualTo("retired");
    }
  }

  /** Has clients renew, each in its turn, and says after each how many are left. */
  private List<Held> moved(String issuer, List<Held> held, Left left) throws Exception {
    left.are(held.size());
    for (Held one : held) {
      assertThat(turn(one)).as("before there is a mark").isAfter(Instant.now().plus(SPAN));
    }
    Instant before = Instant.now();
    scene
        .chancery(
            "renewal",
            "mark",
            "--issuer=" + issuer,
            "--per-hour=" + PER_HOUR,
            "--reason=" + issuer + " gives way")
        .requireDone();
    Instant after = Instant.now();

    List<Held> waiting = new ArrayList<>(held);
    List<Held> renewed = new ArrayList<>();
    List<Instant> turns = new ArrayList<>();
    while (!waiting.isEmpty()) {
      assertThat(Instant.now()).isBefore(after.plus(SPAN).plusSeconds(120));
      for (Iterator<Held> clients = waiting.iterator(); clients.hasNext(); ) {
        Held one = clients.next();
        Instant turn = turn(one);
        if (!Instant.now().isBefore(turn)) {
          clients.remove();
          turns.add(turn);
          renewed.add(
              Held.of(
                  AcmeOrder.replace(
                      scene.acme(), AcmeKey.pairOfKeys(), RunningServer.NAME, one.identifier())));
          // As when it has given the old one up.
          scene
              .chancery("certificate", "revoke", one.serial(), "--reason", "superseded")
              .requireDone();
          if (!waiting.isEmpty()) {
            left.are(waiting.size());
          }
        }
      }
      Thread.sleep(200);
    }
    assertThat(turns).allMatch(turn -> !turn.isBefore(before.minusSeconds(1)));
    assertThat(turns).allMatch(turn -> turn.isBefore(after.plus(SPAN).plusSeconds(1)));
    // Where in the span it is goes by digests: that all six fall into a quarter of it is one in
    // 4096.
    assertThat(turns).anyMatch(turn -> turn.isAfter(before.plus(SPAN.dividedBy(4))));
    return renewed;
  }

  /** When a client is to renew: the begin of its window. */
  private Instant turn(Held held) throws Exception {
    return Instant.parse(
        scene
            .openApi(scene.acme().url("renewalInfo") + "/" + held.identifier())
            .path("suggestedWindow")
            .path("start")
            .asText());
  }

  private void refused(String why, String... words) {
    CommandResult result = scene.chancery(words);
    assertThat(result.exitCode()).as(result.output()).isEqualTo(1);
    assertThat(result.output()).contains(why);
  }
}
