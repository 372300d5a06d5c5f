package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("A cross-certificate")
class CrossCertificateTest {
  @TempDir Path folder;
  private CeremonyScene scene;

  @AfterEach
  void restore() throws Exception {
    scene.restore();
  }

  @Test
  @DisplayName("is for no more names than the root that it certifies")
  void nameConstraints() throws Exception {
    NameConstraints constraints =
        new NameConstraints(
            new GeneralSubtree[] {
              new GeneralSubtree(new GeneralName(GeneralName.dNSName, "old.internal"))
            },
            null);
    scene = new CeremonyScene(folder);
    scene.write(
        "old.pem",
        CeremonyScene.root(
            "O=Tests,CN=Old Root",
            new Extension(Extension.nameConstraints, true, constraints.getEncoded("DER"))));
    scene.planAnew();

    scene.rehearse();

    byte[] made = Files.readAllBytes(scene.rehearsal().resolve("old-by-new.pem"));
    Extension taken =
        Keys.certificate("old-by-new.pem", made).getExtension(Extension.nameConstraints);
    assertThat(taken.isCritical()).isTrue();
    assertThat(taken.getExtnValue().getOctets()).isEqualTo(constraints.getEncoded("DER"));
    assertThat(String.join("\n", scene.said)).contains("old.internal");
  }

  @ParameterizedTest
  @CsvSource({
    "0, ', pathLength: 1', 'old.pem: the root has path length 0, and the plan gives 1'",
    "1, '', 'old.pem: the root has path length 1, and the plan gives one without bound'",
    "1, ', pathLength: 1', ''",
    "1, ', pathLength: 0', ''",
  })
  @DisplayName("is for no longer paths than the root that it certifies")
  void pathLength(int own, String given, String reason) throws Exception {
    scene = new CeremonyScene(folder);
    scene.write(
        "old.pem", CeremonyScene.root("O=Tests,CN=Old Root", new BasicConstraints(own), null));
    assertThat(CeremonyScene.PLAN).contains(", pathLength: 1}");
    scene.plan(CeremonyScene.PLAN.replace(", pathLength: 1}", given + "}"));
    CeremonyTool tool =
        new CeremonyTool(CeremonyScene.SILENT, scene.clock, new SecureRandom(), "test");

    if (reason.isEmpty()) {
      assertThat(tool.checkPlan(scene.in())).isNotEmpty();
    } else {
      assertThatThrownBy(() -> tool.checkPlan(scene.in()))
          .isInstanceOf(CeremonyRefused.class)
          .hasMessage(reason);
    }
  }
}
