package dev.chancery.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/** Nothing but ca-server sees every module; code that faces the network cannot reach a key. */
@DisplayName("Arrows between modules")
class ModuleArrowsTest {

  @ParameterizedTest
  @EnumSource(Module.class)
  @DisplayName("a module's classes use no module but those of its row")
  void packagesFollowTheTable(Module module) {
    usesOnly(module, module.mayUse()).check(Module.CLASSES);
  }

  @Test
  @DisplayName("the rule finds an arrow that is not in the table")
  void findsAForbiddenArrow() {
    ArchRule rule = usesOnly(Module.HSM, List.of());

    assertThatThrownBy(() -> rule.check(Module.CLASSES)).isInstanceOf(AssertionError.class);
  }

  @ParameterizedTest
  @EnumSource(Module.class)
  @DisplayName("a module's pom declares no module but those of its row")
  void pomsFollowTheTable(Module module) throws Exception {
    assertThat(declaredModules(module.directory().resolve("pom.xml")))
        .isSubsetOf(module.mayUse().stream().map(used -> used.folder).toList());
  }

  @Test
  @DisplayName("core knows the JDK and Bouncy Castle, nothing else")
  void coreStandsAlone() {
    classes()
        .that()
        .resideInAPackage(Module.CORE.packageName + "..")
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(
                Module.CORE.packageName + "..",
                "java..",
                "javax..",
                "org.bouncycastle..",
                "org.jspecify.."))
        .check(Module.CLASSES);
  }

  @ParameterizedTest
  @EnumSource(
      value = Module.class,
      names = {"ACME_SERVER", "KUBERNETES"})
  @DisplayName("what clients ask for certificates has no path to hsm, by no other module either")
  void whatClientsAskCannotSeeKeys(Module module) {
    List<Module> seen = new ArrayList<>(List.of(module));
    for (int i = 0; i < seen.size(); i++) {
      seen.get(i).mayUse().stream().filter(next -> !seen.contains(next)).forEach(seen::add);
    }

    assertThat(seen).doesNotContain(Module.HSM);
  }

  @Test
  @DisplayName("every module of the build has its row")
  void everyModuleHasARow() throws Exception {
    List<String> rows =
        new ArrayList<>(Arrays.stream(Module.values()).map(Module::toString).toList());
    // Without product code.
    rows.addAll(List.of("testing", "deploy"));

    assertThat(texts(Module.ROOT.resolve("pom.xml"), "/project/modules/module"))
        .hasSameElementsAs(rows);
  }

  @ParameterizedTest
  @EnumSource(Module.class)
  @DisplayName("a module's sources are all in its own package")
  void noPackageIsSplit(Module module) throws IOException {
    Path own =
        module.directory().resolve("src/main/java").resolve(module.packageName.replace('.', '/'));

    assertThat(module.sources()).isNotEmpty().allMatch(source -> source.startsWith(own));
  }

  private static ArchRule usesOnly(Module module, List<Module> others) {
    String[] allowed =
        Stream.concat(Stream.of(module), others.stream())
            .map(used -> used.packageName + "..")
            .toArray(String[]::new);
    return noClasses()
        .that()
        .resideInAPackage(module.packageName + "..")
        .should()
        .dependOnClassesThat(
            resideInAPackage("dev.chancery..").and(resideOutsideOfPackages(allowed)));
  }

  private static List<String> declaredModules(Path pom) throws Exception {
    return texts(
        pom,
        "/project/dependencies/dependency[groupId='dev.chancery' and"
            + " not(scope='test')]/artifactId");
  }

  private static List<String> texts(Path pom, String expression) throws Exception {
    Document document =
        DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder().parse(pom.toFile());
    XPath xpath = XPathFactory.newDefaultInstance().newXPath();
    NodeList nodes = (NodeList) xpath.evaluate(expression, document, XPathConstants.NODESET);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      texts.add(nodes.item(i).getTextContent());
    }
    return texts;
  }
}
