package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.e2e.RolloverScene.Shown;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A root gives way to another while clients connect: of OpenSSL, GnuTLS, NSS and Java, some that
 * trust the old root only, some both, some the new one only. Those of OpenSSL and Java go on
 * connecting while the steps are taken. Two nodes share the database.
 */
@DisplayName("A rollover of the root")
class RolloverIT {
  /** The root that has no part in it, and is given to clients all the time. */
  private static final int THIRD = 1;

  @TempDir Path folder;
  private RolloverScene scene;
  private HandshakingClients trustOld;
  private HandshakingClients trustBoth;
  private HandshakingClients trustNew;

  @Test
  @DisplayName("goes from step to step, none of them early, and no handshake fails on the way")
  void rollover() throws Exception {
    try (RolloverScene opened = new RolloverScene(folder);
        ConnectingClients connecting = new ConnectingClients()) {
      scene = opened;
      Path home = folder.resolve("home");
      trustOld = new HandshakingClients(folder, "old", home.resolve("root.pem"));
      trustNew = new HandshakingClients(folder, "new", home.resolve("new-root.pem"));
      trustBoth = new HandshakingClients(folder, "both", scene.bothRoots());
      List<HandshakingClients> before = List.of(trustOld, trustBoth);
      List<HandshakingClients> crossed = List.of(trustOld, trustBoth, trustNew);
      List<HandshakingClients> after = List.of(trustBoth, trustNew);

      // 1. Nothing is begun: no step but the first.
      Shown first = scene.shown();
      assertThat(first.certificates()).isEqualTo(2);
      connect(before, first);
      for (HandshakingClients clients : before) {
        connecting.begin(clients, RunningServer.NAME, first.port());
        connecting.begin(clients, "localhost", scene.ports.api());
        connecting.begin(clients, "localhost", scene.otherPorts.api());
      }
      for (String step : List.of("publish", "switch", "retire", "abandon")) {
        refused("no rollover is in progress", "rollover", step);
      }
      refused("below another root than web", "issuer", "activate", "second");

      // 2. Prepared: nothing is to be seen of it.
      assertThat(step("prepare").path("newRoot").path("name").asText()).isEqualTo("root-2");
      assertThat(roots()).isEqualTo(THIRD + 1);
      agree("prepared");
      refusedBelowTheNewRoot();
      refused("is prepared, and this step follows cross-signed", "rollover", "switch");
      connect(before, first);

      // 3. Published: who asks for the roots has both.
      String tag = scene.open("/roots.pem").headers().firstValue("ETag").orElseThrow();
      // The other node takes this step, and the first knows it.
      scene.jsonAt(RolloverScene.OTHER_HOME, "rollover", "publish");
      agree("published");
      assertThat(roots()).isEqualTo(THIRD + 2);
      assertThat(scene.open("/roots.pem").headers().firstValue("ETag"))
          .isNotEmpty()
          .get()
          .isNotEqualTo(tag);
      assertThat(scene.chancery("rollover", "bundle", "--format", "configmap").requireDone())
          .contains("kind: ConfigMap", "    -----BEGIN CERTIFICATE-----");
      refused("is published, and this step follows cross-signed", "rollover", "switch");
      refused("is published, and this step follows prepared", "rollover", "publish");
      connect(before, first);
      connecting.requireConnected();

      // 4. Cross-signed: a certificate that is fetched now leads to both roots.
      Path oldByNew = TestRoot.write(folder.resolve("a.pem"), scene.newRoot.certify(scene.oldRoot));
      Path newByOld = TestRoot.write(folder.resolve("b.pem"), scene.oldRoot.certify(scene.newRoot));
      refused(
          "oldByNew has not name, key",
          "rollover",
          "cross-sign",
          "--old-by-new=" + newByOld,
          "--new-by-old=" + oldByNew);
      Path ending =
          TestRoot.write(
              folder.resolve("c.pem"), scene.newRoot.certify(scene.oldRoot, Duration.ofDays(1)));
      refused(
          "and the last live certificate below the old root at ",
          "rollover",
          "cross-sign",
          "--old-by-new=" + ending,
          "--new-by-old=" + newByOld);
      JsonNode status = step("cross-sign", "--old-by-new=" + oldByNew, "--new-by-old=" + newByOld);
      assertThat(status.path("liveOnlyToOldRoot").asInt()).isEqualTo(1);
      agree("cross-signed");
      refusedBelowTheNewRoot();
      assertThat(status.path("waitsFor").asText()).contains("both roots have been in the bundle");
      refused("rollover.publishedFor wants " + RolloverScene.PUBLISHED_FOR, "rollover", "switch");
      connect(before, first);
      // Until every node knows of the cross-certificates, what is issued counts as without.
      scene.longerAgo("root_rollovers", "cross_signed_at", Duration.ofSeconds(10));
      Shown second = scene.shown();
      assertThat(second.certificates()).isEqualTo(3);
      assertThat(scene.alternate(second, 1)).isEqualTo(firstTwo(second.chain()));
      assertThat(new String(scene.open("/ca/root.p7c").body(), StandardCharsets.ISO_8859_1))
          .contains("Old Root", "New Root");
      gone(first);
      assertThat(scene.json("rollover", "status").path("liveOnlyToOldRoot").asInt()).isZero();
      connect(crossed, second);
      crossed.forEach(clients -> connecting.begin(clients, RunningServer.NAME, second.port()));
      connecting.requireConnected();

      // 5. Switched, when both roots were published for long enough.
      scene.longerAgo("root_rollovers", "published_at", RolloverScene.PUBLISHED_FOR);
      assertThat(scene.json("rollover", "status").has("waitsFor")).isFalse();
      connect(crossed, second);
      step("switch");
      agree("switched");
      scene.orderBelowTheNewRoot();
      Shown third = scene.shown();
      assertThat(third.certificates()).isEqualTo(3);
      connect(crossed, second, third);
      for (HandshakingClients clients : crossed) {
        assertThat(clients.failures("localhost", scene.ports.api())).as("the API itself").isEmpty();
        connecting.begin(clients, RunningServer.NAME, third.port());
      }
      refused(
          "1 live certificates are below the new root: a rollover is given up before that only",
          "rollover",
          "abandon");
      connecting.requireConnected();
      refused("may be under way until", "issuer", "retire", "web");
      scene.longerAgo("issuer_successions", "replaced_at", Duration.ofMinutes(1));
      refused("issuer web has 1 live certificates", "issuer", "retire", "web");
      refused("1 live certificates are below the old root", "rollover", "retire");
      assertThat(scene.open("/crl/web.crl").statusCode()).isEqualTo(200);
      gone(second);
      refused("1 issuers below the old root are not retired", "rollover", "retire");
      scene.chancery("issuer", "retire", "web").requireDone();
      connect(crossed, third);

      // 6. The old root is retired. Who trusts it alone was to be moved before.
      connecting.requireConnected();
      connecting.end(trustOld);
      step("retire");
      agree("retired");
      assertThat(roots()).isEqualTo(THIRD + 1);
      Shown fourth = scene.shown();
      assertThat(fourth.certificates()).isEqualTo(2);
      connect(after, third, fourth);
      assertThat(scene.json("issuer", "list").toString()).contains("\"state\":\"retired\"");
      connecting.requireConnected();
      assertThat(connecting.attempts()).isGreaterThan(300);
    }
  }

  private void connect(List<HandshakingClients> clients, Shown... servers) throws Exception {
    for (HandshakingClients one : clients) {
      for (Shown server : servers) {
        assertThat(one.failures(RunningServer.NAME, server.port())).isEmpty();
      }
    }
  }

  private void refusedBelowTheNewRoot() {
    assertThatThrownBy(scene::orderBelowTheNewRoot).hasMessageContaining("nothing is issued now");
  }

  /** Both nodes say the same of the rollover, and give clients the same roots. */
  private void agree(String state) throws Exception {
    JsonNode other = scene.jsonAt(RolloverScene.OTHER_HOME, "rollover", "status");
    assertThat(other.path("state").asText()).isEqualTo(state);
    Awaitility.await("the roots of both nodes")
        .atMost(Duration.ofSeconds(10))
        .until(() -> {
          HttpResponse<byte[]> here = scene.open("/roots.pem");
          HttpResponse<byte[]> there = scene.open(scene.otherPorts, "/roots.pem");
          return Arrays.equals(here.body(), there.body())
              && here.headers().firstValue("ETag").equals(there.headers().firstValue("ETag"));
        });
  }

  private JsonNode step(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("rollover"));
    command.addAll(List.of(words));
    return scene.json(command.toArray(String[]::new));
  }

  private void refused(String why, String... words) {
    CommandResult result = scene.chancery(words);
    assertThat(result.exitCode()).as(result.output()).isEqualTo(1);
    assertThat(result.output()).contains(why);
  }

  /** As when a client has renewed and given the old certificate up. */
  private void gone(Shown shown) throws Exception {
    scene.chancery("certificate", "revoke", shown.serial(), "--reason", "superseded").requireDone();
  }

  private int roots() throws Exception {
    String pem = new String(scene.open("/roots.pem").body(), StandardCharsets.US_ASCII);
    return pem.split("BEGIN CERTIFICATE", -1).length - 1;
  }

  private static String firstTwo(String chain) {
    int second = chain.indexOf("-----END", chain.indexOf("-----END") + 1);
    return chain.substring(0, chain.indexOf('\n', second) + 1);
  }
}
