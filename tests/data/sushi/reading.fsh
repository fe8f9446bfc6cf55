Alias: $LNC = http://loinc.org
Alias: $UCUM = http://unitsofmeasure.org
Alias: OBSCAT = http://terminology.hl7.org/CodeSystem/observation-category

RuleSet: Published(version)
* ^version = "{version}"
* ^status = #active
* ^experimental = false
* ^publisher = "Example Council"

RuleSet: SliceByCode
* component ^slicing.discriminator.type = #pattern
* component ^slicing.discriminator.path = "code"
* component ^slicing.rules = #open

CodeSystem: ReadingMeasures
Id: reading-measures
Title: "Reading measures"
* insert Published(1.0.0)
* ^caseSensitive = true
* #score "Score"
* #age "Reading age"
  * #age-years "Years"
  * #age-months "Months"
* #book-band "Book band"

ValueSet: ReadingBands
Id: reading-bands
Title: "Book bands"
* insert Published(1.0.0)
* include codes from system ReadingMeasures where concept is-a #age
* ReadingMeasures#book-band

Invariant: read-1
Description: "A test has a score, or the reason why there is none."
Severity: #error
Expression: "component.exists() or dataAbsentReason.exists()"

Extension: TestedWith
Id: tested-with
Title: "Tested with"
Description: "The published test that was used."
Context: Observation
* insert Published(1.0.0)
* extension contains name 1..1 and edition 0..1
* extension[name].value[x] only string
* extension[edition].value[x] only positiveInt

Profile: ReadingTest
Parent: Observation
Id: reading-test
Title: "Reading test"
Description: "What a reading test found."
* insert Published(1.0.0)
* insert SliceByCode
* obeys read-1
* extension contains TestedWith named testedWith 0..1
* category 1..1
* category = OBSCAT#survey
* subject 1..1
* subject only Reference(Patient)
* effective[x] 1..1
* effective[x] only dateTime or Period
* value[x] 0..0
* component contains score 0..1 MS and readingAge 0..1 MS and band 0..1
* component[score].code = ReadingMeasures#score
* component[score].value[x] 1..1
* component[score].value[x] only integer
* component[readingAge].code = ReadingMeasures#age
* component[readingAge].value[x] only Quantity
* component[readingAge].valueQuantity.system = $UCUM
* component[readingAge].valueQuantity.code = #mo
* component[band].code = ReadingMeasures#book-band
* component[band].value[x] only CodeableConcept
* component[band].valueCodeableConcept from ReadingBands (required)

Profile: PhonicsTest
Parent: ReadingTest
Id: phonics-test
Title: "Phonics screening check"
* insert Published(1.0.0)
* component[score] 1..1
* component[score].valueInteger ^maxValueInteger = 40
* component[score].valueInteger ^minValueInteger = 0

Profile: Pupil
Parent: Patient
Id: pupil
* insert Published(1.0.0)
* identifier ^slicing.discriminator.type = #value
* identifier ^slicing.discriminator.path = "system"
* identifier ^slicing.rules = #open
* identifier contains upn 1..1
* identifier[upn].system 1..1
* identifier[upn].system = "https://example.org/upn" (exactly)
* identifier[upn].value 1..1
* deceased[x] only boolean
* contact.relationship 1..*

Profile: ReadingAge
Parent: Quantity
Id: reading-age
* insert Published(1.0.0)
* value 1..1
* comparator 0..0

Logical: ReadingList
Id: reading-list
Title: "Reading list"
* insert Published(1.0.0)
* pupil 1..1 Reference(Patient) "Whose"
* book 0..* BackboneElement "Books"
  * title 1..1 string "Title"
  * finished 0..1 date "When it was finished"
