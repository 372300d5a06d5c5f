package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.server.ceremony.CeremonyScene;
import dev.chancery.store.Database;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A ceremony that gave an item up is imported into a new home, and the import ends after one of its
 * steps: what came before was done, and nothing after it.
 */
@DisplayName("An import that was ended")
class KilledImportTest {
  private static final IssuerId WEB = new IssuerId("web");

  @TempDir Path folder;
  private CeremonyScene scene;
  private Path asking;
  private Path carried;

  private static final class Ended extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  @BeforeEach
  void hold() throws Exception {
    asking = Files.createDirectories(folder.resolve("asking"));
    Files.createDirectories(asking.resolve("token"));
    Files.writeString(asking.resolve("token/chancery.pin"), "a-test-password");
    Files.writeString(
        asking.resolve("chancery.yaml"),
        """
        token: {kind: pkcs12, file: token/chancery.p12, pinFile: token/chancery.pin}
        roots: [root.pem]
        issuers:
          - {name: web, certificate: ca/web.pem, keyId: "01", ocspKeyId: "02"}
        ocsp:
          foreign:
            - name: root
              certificate: root.pem
              crl: "http://127.0.0.1:9/crl/root.crl"
              signerCertificate: ca/root-ocsp.pem
              signerKeyId: "05"
        acme: {endpoints: {default: {issuer: web, profile: tls-server}}}
        """);
    scene = new CeremonyScene(folder.resolve("scene"));
    OfflineRoot offline = offline(asking, step -> {});
    Path web = offline.request(WEB, KeyAlgorithm.EC_P256, new X500Name("O=Tests,CN=Web CA"));
    Path signer =
        offline.requestSigner(
            Initialization.ROOT, KeyAlgorithm.EC_P256, new X500Name("O=Tests,CN=Root OCSP"));
    scene.write("web.csr", Files.readString(web));
    scene.write("ocsp.csr", Files.readString(signer));
    scene.plan(CeremonyScene.PLAN);
    scene.rehearse();
    scene.prepare();
    carried = scene.holdGivingUp(List.of("old-by-new"), "out", "token", CeremonyScene.ITEMS);
  }

  @AfterEach
  void restore() throws Exception {
    scene.restore();
  }

  private OfflineRoot offline(Path home, Consumer<OfflineRoot.Step> done) throws Exception {
    Home opened = Home.open(home);
    return new OfflineRoot(
        opened,
        Configuration.read(opened, Map.of()),
        scene.clock,
        new SecureRandom(),
        name -> null,
        done);
  }

  /** The home from before the import. */
  private Path copy(String name) throws Exception {
    Path copy = folder.resolve(name);
    try (Stream<Path> files = Files.walk(asking)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(asking.relativize(file)));
      }
    }
    return copy;
  }

  /** What ledgers and files have of the ceremony. */
  private static String state(Path home) throws Exception {
    StringBuilder state = new StringBuilder();
    Home opened = Home.open(home);
    try (Database database =
        Databases.open(opened, Configuration.read(opened, Map.of()).database(), name -> null)) {
      for (String query :
          List.of(
              "select plan_sha256, transcript_sha256 from ceremonies",
              "select name, last_crl_number from issuers",
              "select serial, state, profile, tbs, signature from certificates order by serial",
              "select serial, revoked_at, reason from revocations order by serial",
              "select number, state, signature from crls order by number",
              "select number, piece, octets from crl_octets order by number, piece")) {
        state.append(database.sql().fetch(query).formatCSV());
      }
    }
    for (String file : List.of("root.pem", "ca/web.pem", "ca/root-ocsp.pem")) {
      Path path = home.resolve(file);
      state.append(file).append(Files.exists(path) ? Files.readString(path) : " is not there");
    }
    return state.toString();
  }

  @Test
  @DisplayName("after any of its steps and is done again has taken all that there is, once")
  void ended() throws Exception {
    Path whole = copy("whole");
    Set<OfflineRoot.Step> steps = EnumSet.noneOf(OfflineRoot.Step.class);
    List<String> taken = offline(whole, steps::add).take(WEB, carried, scene.digest());
    assertThat(steps).isEqualTo(EnumSet.allOf(OfflineRoot.Step.class));
    assertThat(taken)
        .contains("the root's CRL number 7", "the OCSP signer of root, O=Tests,CN=Root OCSP")
        .anyMatch(line -> line.startsWith("given up, and revoked in the ledger: "));
    String wanted = state(whole);
    assertThat(wanted).doesNotContain("is not there");

    for (OfflineRoot.Step last : OfflineRoot.Step.values()) {
      Path home = copy("ended-after-" + last);
      OfflineRoot ending =
          offline(
              home,
              step -> {
                if (step == last) {
                  throw new Ended();
                }
              });
      assertThatThrownBy(() -> ending.take(WEB, carried, scene.digest()))
          .as(last.name())
          .isInstanceOf(Ended.class);
      if (last != OfflineRoot.Step.SIGNER_FILES) {
        assertThat(state(home)).as(last.name()).isNotEqualTo(wanted);
      }

      assertThat(offline(home, step -> {}).take(WEB, carried, scene.digest()))
          .as(last.name())
          .containsAll(taken.stream().filter(line -> !line.contains("did not know")).toList());
      assertThat(state(home)).as(last.name()).isEqualTo(wanted);
    }
  }

  /** So that no list can be written to its end, as when the process is gone before. */
  private static void alter(Path home, String how) throws Exception {
    Home opened = Home.open(home);
    try (Database database =
        Databases.open(opened, Configuration.read(opened, Map.of()).database(), name -> null)) {
      database.sql().execute("alter table crl_octets " + how);
    }
  }

  private static int lists(Path home) throws Exception {
    Home opened = Home.open(home);
    try (Database database =
        Databases.open(opened, Configuration.read(opened, Map.of()).database(), name -> null)) {
      return database.sql().fetchCount(DSL.table("crls"));
    }
  }

  @Test
  @DisplayName("within the step that publishes the list has left nothing of it, and is done again")
  void endedWithinTheList() throws Exception {
    Path whole = copy("whole");
    List<String> taken = offline(whole, step -> {}).take(WEB, carried, scene.digest());

    Path home = copy("within");
    Set<OfflineRoot.Step> steps = EnumSet.noneOf(OfflineRoot.Step.class);
    OfflineRoot ending =
        offline(
            home,
            step -> {
              steps.add(step);
              if (step == OfflineRoot.Step.REVOCATIONS) {
                throw new Ended();
              }
            });
    assertThatThrownBy(() -> ending.take(WEB, carried, scene.digest())).isInstanceOf(Ended.class);
    alter(home, "add constraint no_octets_ck check (piece < 0)");
    OfflineRoot within = offline(home, steps::add);
    assertThatThrownBy(() -> within.take(WEB, carried, scene.digest()))
        .isInstanceOf(RuntimeException.class);
    assertThat(steps)
        .isEqualTo(EnumSet.range(OfflineRoot.Step.CEREMONY, OfflineRoot.Step.REVOCATIONS));
    assertThat(lists(home)).isZero();

    alter(home, "drop constraint no_octets_ck");
    assertThat(offline(home, step -> {}).take(WEB, carried, scene.digest()))
        .containsAll(taken.stream().filter(line -> !line.contains("did not know")).toList());
    assertThat(state(home)).isEqualTo(state(whole));
  }
}
