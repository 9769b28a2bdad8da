-- The same made-up children on every server, as rows of a temporary table.
-- Needs :children, a multiple of 40, and :step, the distance of two numbers.
--
-- Records lie in the table in the order of the birth dates, 40 a day; the
-- numbers are spread evenly over all of twelve digits and have no order, as
-- random ones would. Evenly, so that pgbench can make one up: 100000000007 +
-- anything below :children * :step.
CREATE TEMPORARY TABLE made_up AS
SELECT 100000000007 + ((i * 104729) % :children) * :step AS child_id,
       initcap(given[1 + i * 7 % 20] || given[1 + i / 20 * 3 % 20]) AS given_names,
       initcap(family[1 + i * 3 % 20] || family[1 + i / 7 % 20] || family[1 + i / 140 % 20]) AS family_name,
       CASE i % 2 WHEN 0 THEN 'F' ELSE 'M' END AS sex,
       date '2008-01-01' + (i / 40)::int AS date_of_birth,
       1 + i % 97 || ' ' || initcap(family[1 + i / 97 % 20] || given[1 + i / 1940 % 20]) || ' Road' AS address,
       'BN' || 1 + i % 40 || ' ' || i % 10 || 'XY' AS postcode
FROM generate_series(0::bigint, :children - 1) i,
     (SELECT string_to_array('an,be,chri,da,el,fi,gra,ha,iri,jo,ka,lu,ma,no,ola,pe,ro,sa,ti,va', ',') AS given,
             string_to_array('ash,brook,cliff,dale,elm,field,garth,hol,inge,kirk,lang,marsh,north,oak,pen,rush,stone,thorn,wood,yar', ',') AS family) word;
